#!/usr/bin/env -S node --
// The command `claviger`. It makes sure of a new enough Node before it imports anything that needs one.
// The `--` above and below: without it Node reads our option --env-file as its own, wherever it stands.
import module from 'node:module'
import {
  becomeGateway,
  becomeNode,
  compileCache,
  findNode,
  gatewayEnv,
  gatewayFlags,
  isNewEnough,
  maySpillCore,
  root,
} from './run-node.js'

const args = process.argv.slice(2)
const startsGateway = ['up', 'daemon', 'serve'].includes(args.find((arg) => !arg.startsWith('-')) ?? '')
const flagged = gatewayFlags.every((flag) => process.execArgv.includes(flag))
const node = findNode()

if (node === undefined) {
  process.stderr.write(
    `claviger: Node 24.16 or later is needed, and this is ${process.versions.node} [node_too_old]\n` +
      '  why:  the gateway uses parts of Node that older versions do not have\n' +
      `  hint: in the checkout run \`npm ci\` (it brings a Node along), or install Node 24\n`,
  )
  process.exitCode = 78
} else if (startsGateway && (!flagged || maySpillCore())) {
  becomeGateway(node, [...gatewayFlags, '--', `${root}/bin/claviger.js`, ...args], gatewayEnv())
} else if (!isNewEnough(process.versions.node)) {
  becomeNode(node, ['--', `${root}/bin/claviger.js`, ...args])
} else {
  await start()
}

async function start() {
  // Keeps what stripping the types and compiling gave: a start is faster, and the stripper's memory is never taken.
  module.enableCompileCache(compileCache)
  try {
    const { run } = await import('../src/cli/cli.ts')
    // Everything is written by now; sockets of clients that went away without a word must not keep us alive.
    process.exit(await run(args))
  } catch (error) {
    if (error?.code !== 'ERR_MODULE_NOT_FOUND' || !/Cannot find package/.test(error.message)) throw error
    process.stderr.write(
      'claviger: its dependencies are not installed [not_installed]\n  hint: run `npm ci` in the checkout\n',
    )
    process.exitCode = 78
  }
}
