/** What a test says of an error of ours; any other is the test's own failure. */
import { DpError } from 'privacy-accounting';

/** Code and message, or 'no error'. */
export const errorText = (f: () => unknown): string => {
  try {
    f();
  } catch (error) {
    if (error instanceof DpError) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'no error';
};
