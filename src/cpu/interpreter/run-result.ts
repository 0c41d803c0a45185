/** What `run` returns. */
export const RUN_BUDGET = 0;
/** OFFSET_EVENT says which exception to deliver at the record in OFFSET_PC. */
export const RUN_EVENT = 1;
/** A system function asked to leave. */
export const RUN_EXIT = 2;

/** What a cold handler returns. */
export const COLD_NEXT = 0;
export const COLD_FAULT = 1;
/** RIP in the state is where to go on. */
export const COLD_JUMP = 2;
export const COLD_EXIT = 3;
