#!/usr/bin/env -S node --
// The command `clauth`: for scripts that were written for Clauth. It talks to the gateway as `claviger` does.
import { runProgram } from './run-program.js'

await runProgram('clauth', ['daemon', 'serve'], async () => (await import('../src/cli/clauth/run-clauth.ts')).runClauth)
