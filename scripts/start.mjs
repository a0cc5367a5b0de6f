// npm start, npm run dev: installs and builds what is missing, then runs the gateway in the foreground. `--watch` restarts it on change.
import { join } from 'node:path'
import { becomeGateway, gatewayEnv, gatewayFlags, root } from '../bin/run-node.js'
import { builtConsole } from './console.mjs'
import { installed } from './install.mjs'

const args = process.argv.slice(2)
const watch = args.includes('--watch')
const rest = args.filter((arg) => arg !== '--watch')
const node = installed()
const unbuilt = builtConsole()
if (unbuilt !== undefined) process.stderr.write(`claviger: without the operators’ pages: ${unbuilt}\n`)
const watchFlags = watch ? ['--watch', '--watch-preserve-output'] : []
const command = join(root, 'bin', 'claviger.js')
becomeGateway(node, [...watchFlags, ...gatewayFlags, '--', command, 'up', ...rest], gatewayEnv())
