// What the commands of this package share: a new enough Node before anything is imported that needs one.
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

/** `starting`: the verbs that run a gateway. `load` gives what runs a command line, of such a verb or of any, once Node is new enough. */
export async function runProgram(name, starting, load) {
  const args = process.argv.slice(2)
  const startsGateway = starting.includes(args.find((arg) => !arg.startsWith('-')) ?? '')
  const flagged = gatewayFlags.every((flag) => process.execArgv.includes(flag))
  const node = findNode()
  const script = `${root}/bin/${name}.js`

  if (node === undefined) {
    process.stderr.write(
      `${name}: Node 24.16 or later is needed, and this is ${process.versions.node} [node_too_old]\n` +
        '  why:  the gateway uses parts of Node that older versions do not have\n' +
        `  hint: in the checkout run \`npm ci\` (it brings a Node along), or install Node 24\n`,
    )
    process.exitCode = 78
  } else if (startsGateway && (!flagged || maySpillCore())) {
    becomeGateway(node, [...gatewayFlags, '--', script, ...args], gatewayEnv())
  } else if (!isNewEnough(process.versions.node)) {
    becomeNode(node, ['--', script, ...args])
  } else {
    await start(name, () => load(startsGateway), args)
  }
}

async function start(name, load, args) {
  // Keeps what stripping the types and compiling gave: a start is faster, and the stripper's memory is never taken.
  module.enableCompileCache(compileCache)
  try {
    const run = await load()
    // Everything is written by now; sockets of clients that went away without a word must not keep us alive.
    process.exit(await run(args))
  } catch (error) {
    if (error?.code !== 'ERR_MODULE_NOT_FOUND' || !/Cannot find package/.test(error.message)) throw error
    process.stderr.write(
      `${name}: its dependencies are not installed [not_installed]\n  hint: run \`npm ci\` in the checkout\n`,
    )
    process.exitCode = 78
  }
}
