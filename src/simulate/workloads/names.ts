/** Names of the workloads that are made up. A file of their own: what only names them makes none up. */
export const workloadNames = ['zipf', 'watched-once', 'flash-crowd', 'diurnal', 'node-failures'] as const;
