#!/usr/bin/env -S node --
// The command `claviger`. It makes sure of a new enough Node before it imports anything that needs one.
// The `--` above, and where it becomes another Node: without it Node reads our option --env-file as its own.
import { runProgram } from './run-program.js'

const commands = async (isGateway) =>
  (await (isGateway ? import('../src/cli/gateway.ts') : import('../src/cli/cli.ts'))).run

await runProgram('claviger', ['up', 'daemon', 'serve'], commands)
