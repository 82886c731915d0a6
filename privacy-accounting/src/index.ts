export { DpError, type DpErrorCode } from './errors.js';
