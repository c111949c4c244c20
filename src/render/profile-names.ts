/** Names of all profiles. A file of their own: what only names them loads no encoder. */
export const profileNames = ['default', 'ladder', 'hevc', 'av1'] as const;
