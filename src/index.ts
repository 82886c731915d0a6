export { DpError, type DpErrorCode } from 'privacy-accounting';
