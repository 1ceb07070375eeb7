/** Name of the host that gets what no other one has. */
export const CATCH_ALL = '_';
