#!/usr/bin/env node
import { EXIT } from './failure.js';
import { run } from './run.js';

// A reader that has seen enough (`| head`) closes the pipe: that is no error, and changes no exit code. A full disk is.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    if (stream === process.stdout)
      process.stderr.write(`error: the result can't be written: ${error.message}\n`);
    process.exit(EXIT.failed);
  });
}

process.exitCode = await run({ args: process.argv.slice(2), terminal: process });
