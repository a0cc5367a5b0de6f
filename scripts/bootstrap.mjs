// Runs a script of this repository on a machine where nothing was installed: node scripts/bootstrap.mjs SCRIPT [args]
import { becomeNode } from '../bin/run-node.js'
import { installed } from './install.mjs'

const [script, ...args] = process.argv.slice(2)
if (script === undefined) {
  process.stderr.write('usage: node scripts/bootstrap.mjs SCRIPT [args]\n')
  process.exit(64)
}
becomeNode(installed(), [script, ...args])
