/** What a region returns. What is left of the budget is in OFFSET_BUDGET. */
/** RIP is in the state: where to go on, or where the budget was used up. */
export const REGION_JUMP = 0;
/** OFFSET_EVENT says what happened at the record in OFFSET_PC; EVENT_INTERPRET: it is for the interpreter. */
export const REGION_EVENT = 1;
/** A system function asked to leave: RUN_EXIT. */
export const REGION_EXIT = 2;
