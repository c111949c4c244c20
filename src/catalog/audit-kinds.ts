/**
 * Whose log an entry belongs to. Each keeps its own newest entries, so that clients cannot push out what operators did by posting.
 */
export const auditKinds = ['operator', 'client'] as const;
