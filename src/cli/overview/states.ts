/** States of videos and streams, as lists tell them. */
export const videoStates = ['waiting', 'rendering', 'rendered', 'stored', 'failed', 'live', 'ended'] as const;

/** How bad an event is, in ascending order. */
export const eventLevels = ['info', 'warning', 'error'] as const;
