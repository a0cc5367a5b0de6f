// The command line of a process that is to be the gateway: what it would never run is not loaded, which is a sixth of all
// that there is to load.
import { commandLine, type Run } from './command-line.ts'
import { upCommand } from './up.ts'

export const run: Run = commandLine([upCommand])
