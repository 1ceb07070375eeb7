/** The name of the default server. */
export const CATCH_ALL = '_';
