import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Command } from 'commander'
import { isLoopback } from '../settings.ts'
import { type Cage, cagedEnvironment, cageFor, INSIDE, runCaged } from './cage/caged-run.ts'
import { agentClient, type GatewayClient } from './client.ts'
import type { ExitCode } from './exit-codes.ts'
import { besidePlaceholders, type GivenPlaceholder, placeholderVariables, regionOf } from './placeholder-variables.ts'
import { runCommandIn } from './run-command.ts'
import { secretNames } from './run-environment.ts'
import { say } from './terminal.ts'
import { throughGateway } from './through-gateway.ts'
import { withUsualRoots } from './trusted-roots.ts'
import { seconds } from './values.ts'
import { addVerb, type Invocation, type Session, type Verb } from './verb.ts'

const run: Verb = {
  signature: 'run <command...>',
  summary: 'run a command whose HTTP calls go through the gateway, as an agent, with a token that ends with it',
  options: [
    { flags: '--agent <agent>', about: 'whose calls they are', required: true },
    {
      flags: '--ttl <time>',
      about: 'how long the token may live, if the command runs so long: 1h if not said, at most 12h',
    },
    { flags: '--keep-env <name>', about: 'leave this variable, which looks like a secret, to the command', many: true },
    { flags: '--isolate', about: 'leave the command no other way out, and nothing to see but this folder' },
    { flags: '--read <path>', about: 'isolated: show this file or folder too', many: true },
    { flags: '--write <path>', about: 'isolated: let it write there too', many: true },
  ],
  examples: [
    'claviger run --agent coder -- curl https://api.github.com/user',
    'claviger run --agent coder --ttl 8h -- npm test',
    'claviger run --agent coder --isolate --read ~/.gitconfig -- git pull',
  ],
  async run(invocation) {
    const { options, terminal } = invocation
    const caged = options.isolate === true ? cageOf(invocation) : undefined
    const removed = secretNames(terminal.env, new Set(options.keepEnv ?? []))
    if (removed.length > 0) say(terminal, `not in the command's environment: ${removed.join(', ')}`)
    return (await withToken(invocation, caged !== undefined, (run) =>
      start(invocation, run, removed, caged),
    )) as ExitCode
  },
}

/** What was made for one run. */
interface Run {
  readonly token: string
  /** Of the gateway, outside. */
  readonly url: string
  readonly folder: string
  readonly socketFolder: string | undefined
}

async function withToken(invocation: Invocation, isolated: boolean, work: (run: Run) => Promise<number>) {
  const { args, options, terminal, operator, agentUrl } = invocation
  const url = agentUrl()
  const client = operator()
  const ttlSeconds = seconds(options.ttl ?? '1h', '--ttl', { most: '12h' })
  const label = `run: ${args[0]}`.slice(0, 64)
  const from = isolated
    ? ['socket']
    : isLoopback(new URL(url).hostname.replace(/^\[(.*)\]$/, '$1'))
      ? LOOPBACK
      : undefined
  const body = { agent: options.agent, ttlSeconds, label, ...(from && { from }) }
  const { id, token, socketFolder } = await client.ask({ method: 'POST', path: '/tokens', body })
  const folder = mkdtempSync(join(tmpdir(), 'claviger-run-'))
  try {
    return await work({ token, url, folder, socketFolder })
  } finally {
    rmSync(folder, { recursive: true, force: true })
    await revoke(client, id, terminal)
  }
}

/** A gateway that listens there may listen elsewhere too. */
const LOOPBACK = ['127.0.0.0/8', '::1']

async function start(
  { args, options, terminal }: Invocation,
  { token, url, folder, socketFolder }: Run,
  removed: readonly string[],
  caged: Caged | undefined,
): Promise<number> {
  const command = args.filter((one) => one !== undefined)
  const umask = terminal.umask ?? 0o022
  const given = await givenTo(agentClient(url, token, socketIn(socketFolder)))
  const standing = kept(given.placeholders, options.keepEnv ?? [])
  if (Object.keys(standing).length > 0)
    say(terminal, `placeholders in its environment: ${Object.keys(standing).join(', ')}`)
  const beside = besideThem(standing, removed, options.keepEnv ?? [], terminal)
  const ca = join(folder, 'claviger-ca.pem')
  writeFileSync(ca, withUsualRoots(given.certificate, terminal.env), { mode: 0o600 })
  const environment = (base: NodeJS.ProcessEnv, place: { readonly url: string; readonly ca: string }) => ({
    ...throughGateway(base, { ...given, ...place, token }, [...removed, ...beside]),
    ...standing,
    ...regionOf(given.placeholders, base),
  })
  if (caged === undefined || socketFolder === undefined)
    return runCommandIn(environment(terminal.env, { url, ca }), command, umask)
  const port = portInside(url)
  const env = environment(cagedEnvironment(terminal.env), { url: `http://127.0.0.1:${port}`, ca: INSIDE.ca })
  return runCaged(caged.cage, { command, env, umask, folder, ca, socketFolder, port, secret: caged.secret })
}

interface Caged {
  readonly cage: Cage
  readonly secret: readonly string[]
}

function cageOf({ options, terminal: { env }, settings }: Invocation): Caged {
  const { home, keyFile, hsmPinFile, tlsKey, witnessFile } = settings()
  const { CLAVIGER_OPERATOR_TOKEN_FILE, CLAVIGER_TOKEN_FILE, CLAVIGER_INVITE_FILE, CLAVIGER_AGENT_KEY_FILE } = env
  // No secret stands in the witness's file, but what bears witness is not to be changed by what it is about.
  const files = [
    ...[keyFile, hsmPinFile, tlsKey, witnessFile],
    ...[CLAVIGER_OPERATOR_TOKEN_FILE, CLAVIGER_TOKEN_FILE, CLAVIGER_INVITE_FILE, CLAVIGER_AGENT_KEY_FILE],
  ]
  const secret = [home, ...files.filter((file) => file !== undefined && file !== '')] as string[]
  const [read, write] = [options.read ?? [], options.write ?? []]
  return { cage: cageFor({ env, cwd: process.cwd(), read, write, secret }), secret }
}

/** The same as outside, so that base URLs hold; but nobody there may have one of the low ports. */
function portInside(url: string): number {
  const port = Number(new URL(url).port)
  return port >= 1_024 ? port : 4_317
}

const socketIn = (folder: string | undefined) => (folder === undefined ? undefined : join(folder, 'gateway.sock'))

interface Given {
  readonly certificate: string
  readonly hosts: readonly string[]
  readonly origins: readonly string[]
  /** What stands for the keys of the agent's services. */
  readonly placeholders: readonly GivenPlaceholder[]
}

async function givenTo(agent: GatewayClient): Promise<Given> {
  try {
    const trusted = await agent.ask({ method: 'GET', path: '/agents/self/local-ca' })
    const { items } = await agent.ask({ method: 'POST', path: '/agents/self/placeholders', body: {} })
    return { ...trusted, placeholders: items }
  } finally {
    await agent.close()
  }
}

/** Not where the command is to have a variable of that name as it is. */
function kept(placeholders: readonly GivenPlaceholder[], names: readonly string[]): Record<string, string> {
  const variables = Object.entries(placeholderVariables(placeholders))
  return Object.fromEntries(variables.filter(([name]) => !names.includes(name)))
}

/** What else is not to be in the command's environment, now that these are. */
function besideThem(
  standing: Readonly<Record<string, string>>,
  removed: readonly string[],
  names: readonly string[],
  terminal: Invocation['terminal'],
): string[] {
  const left = Object.keys(terminal.env).filter((name) => !removed.includes(name) && !names.includes(name))
  const beside = besidePlaceholders(standing, left)
  if (beside.length > 0) say(terminal, `not beside these placeholders: ${beside.join(', ')}`)
  return beside
}

/** A token that cannot be revoked now ends by itself; whoever ran the command is told. */
async function revoke(client: GatewayClient, id: string, terminal: Invocation['terminal']): Promise<void> {
  await client.ask({ method: 'DELETE', path: `/tokens/${id}` }).catch(() => {
    say(terminal, `the token ${id} could not be revoked: \`claviger token revoke ${id}\` does it`)
  })
}

/** `claviger run`. */
export function runCommand(program: Command, session: Session): void {
  addVerb(program, session, run)
}
