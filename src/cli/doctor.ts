import type { Command } from 'commander'
import { operatorSocket } from '../settings.ts'
import { exitCode } from './exit-codes.ts'
import type { Finding } from './finding.ts'
import { addVerb, type Invocation, type Result, type Session } from './verb.ts'
import type { Place } from './ways-out/gateway-host.ts'
import { isLocal } from './ways-out/try-way.ts'
import { checkTargets, type Surroundings, tryWaysOut } from './ways-out/ways-out.ts'

const marks: Readonly<Record<Finding['state'], string>> = { ok: 'ok  ', note: 'note', bad: 'BAD ' }

/** `claviger doctor`: looks, repairs nothing. */
export function doctorCommand(program: Command, session: Session): void {
  addVerb(program, session, {
    signature: 'doctor',
    summary:
      'look at Node, certificate, home, key file, port, socket, witness and disk, and say what is wrong; repairs nothing',
    options: [
      { flags: '--inside', about: 'try every way out past the gateway instead, from where a command runs' },
      {
        flags: '--try <target>',
        about: 'with --inside, in place of public addresses: tcp:, udp: or dns:HOST:PORT, unix:/PATH, abstract:NAME',
        many: true,
      },
    ],
    examples: ['claviger doctor', 'claviger run --agent coder --isolate -- claviger doctor --inside'],
    run: (invocation) => (invocation.options.inside === true ? inside(invocation) : outside(invocation)),
  })
}

async function outside({ terminal, options }: Invocation): Promise<Result> {
  const { examine } = await import('./examine.ts')
  const findings = await examine(terminal, options.envFile)
  const lines = findings.flatMap(({ state, about, says, hint }) => {
    const line = `${marks[state]}  ${about.padEnd(9)}  ${says}`
    return hint === undefined ? [line] : [line, `${' '.repeat(17)}${hint}`]
  })
  const bad = findings.filter(({ state }) => state === 'bad').length
  lines.push('', bad === 0 ? 'nothing is broken' : bad === 1 ? '1 thing is broken' : `${bad} things are broken`)
  return { json: { items: findings }, text: lines.join('\n'), code: bad === 0 ? exitCode.ok : exitCode.config }
}

async function inside(invocation: Invocation): Promise<Result> {
  const items = await tryWaysOut(surroundings(invocation))
  const lines = items.flatMap(({ way, state, says, hint }) => {
    const line = `${state.padEnd(6)}  ${way.padEnd(9)}  ${says}`
    return hint === undefined ? [line] : [line, `${' '.repeat(19)}${hint}`]
  })
  const open = items.filter(({ state }) => state === 'OPEN').length
  const found = open === 0 ? 'no way out is open' : open === 1 ? '1 way out is open' : `${open} ways out are open`
  lines.push('', `${found}, of those that are known`)
  return { json: { items }, text: lines.join('\n'), code: open === 0 ? exitCode.ok : exitCode.refused }
}

function surroundings({ options, terminal: { env }, settings }: Invocation): Surroundings {
  const known = settings()
  checkTargets(options.try ?? [])
  const [gatewayBy, gateway] = gatewayOf(env) ?? ['the settings', { host: '127.0.0.1', port: known.port }]
  return {
    env,
    secret: [known.home, known.keyFile],
    operatorSocket: operatorSocket(known),
    operatorPort: Number(known.operatorPort) || (isLocal(gateway.host) ? gateway.port : known.port) + 1,
    ...{ gateway, gatewayBy },
    targets: options.try,
  }
}

/** Where the environment says that the gateway is, and which variable does. */
function gatewayOf(env: NodeJS.ProcessEnv): [string, Place] | undefined {
  for (const name of ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy', 'CLAVIGER_URL']) {
    const url = env[name]
    if (url === undefined || !URL.canParse(url)) continue
    const { hostname, port, protocol } = new URL(url)
    const host = hostname.replace(/^\[(.+)\]$/, '$1')
    if (host !== '') return [name, { host, port: Number(port) || (protocol === 'https:' ? 443 : 80) }]
  }
  return undefined
}
