// A command as data: what it is called, what it takes, what it answers. Printing, --json and exit codes are done once, here.
import { type Command, Option } from 'commander'
import { listenerUrl } from '../public-address.ts'
import { loadSettings, type Settings } from '../settings.ts'
import { agentClient, type GatewayClient, operatorClient } from './client.ts'
import { unmarked } from './dashed-operand.ts'
import { type ExitCode, exitCode } from './exit-codes.ts'
import { checkSecretOptions } from './secret-source.ts'
import { safeJson, safeText, type Terminal, write } from './terminal.ts'
import { agentToken, operatorToken } from './tokens.ts'
import { gather } from './values.ts'

/** What a command answers. `text` is for people, `json` for programs; `undefined` means that it wrote everything itself. */
export interface Result {
  readonly json: unknown
  readonly text: string
  readonly code?: ExitCode
}

// biome-ignore lint/suspicious/noExplicitAny: commander's options have the types their flags say
export type Options = Record<string, any>

/** A command at work. */
export interface Invocation {
  readonly args: readonly (string | undefined)[]
  readonly options: Options
  readonly terminal: Terminal
  settings(): Settings
  /** The operators' socket, with the operator token if there is one; throws when there is no socket. */
  operator(): GatewayClient
  /** The agents' listener, with the agent token if there is one. */
  agent(): GatewayClient
  /** Where that listener is. */
  agentUrl(): string
}

export interface Verb {
  /** commander's form: `add <name>`, `call <service> <method> <path>`. */
  readonly signature: string
  readonly summary: string
  readonly aliases?: readonly string[]
  readonly options?: readonly OptionSpec[]
  readonly examples?: readonly string[]
  run(invocation: Invocation): Promise<Result | ExitCode>
}

/** Flags and what they are for. `many` gathers repeats into a list. */
export interface OptionSpec {
  readonly flags: string
  readonly about: string
  readonly many?: boolean
  readonly required?: boolean
}

export const secretOptions: readonly OptionSpec[] = [
  { flags: '--secret-env <name>', about: 'take the secret from this environment variable' },
  { flags: '--secret-file <file>', about: 'take the secret from this file' },
  { flags: '--secret-stdin', about: 'take the secret from stdin' },
]

/** Words that people try for secrets. They are refused by name, so that the value after them is never repeated. */
const misplaced = ['--secret', '--passphrase', '--password', '--token', '--api-key', '--operator-token', '--value']

/** Whether an argument hands over a secret where every process can read it. */
export function isMisplacedSecret(argument: string): boolean {
  return misplaced.includes(argument.split('=')[0]!)
}

export interface Session {
  readonly terminal: Terminal
  exitCode: number
}

/** Adds a command to `parent`. */
export function addVerb(parent: Command, session: Session, verb: Verb): Command {
  const command = parent.command(verb.signature).description(verb.summary)
  for (const alias of verb.aliases ?? []) command.alias(alias)
  for (const spec of verb.options ?? []) command.addOption(optionOf(spec))
  command.option('--json', 'print JSON')
  command.option('--env-file <file>', 'read settings from this file of NAME=value lines')
  if (verb.examples !== undefined)
    command.addHelpText('after', `\nExamples:\n${verb.examples.map((line) => `  ${line}\n`).join('')}`)
  command.action(async (...given: unknown[]) => {
    refuseMissing(command, verb)
    const args = unmarked(given.slice(0, -2).flat()) as (string | undefined)[]
    const options = Object.entries(command.optsWithGlobals()).map(([name, value]) => [name, unmarked(value)])
    session.exitCode = await perform(verb, args, Object.fromEntries(options), session.terminal)
  })
  return command
}

function optionOf(spec: OptionSpec): Option {
  const option = new Option(spec.flags, spec.about)
  if (spec.many === true) option.argParser((value: string, before?: readonly string[]) => gather(value, before))
  return option
}

/** Not commander's to judge: it would speak of the option that is missing, and not of the mistyped one beside it. */
function refuseMissing(command: Command, { options = [] }: Verb): void {
  const isMissing = ({ flags, required }: OptionSpec) =>
    required === true && command.getOptionValue(new Option(flags).attributeName()) === undefined
  const missing = options.find(isMissing)
  if (missing === undefined) return
  command.error(`error: required option '${missing.flags}' not specified`, { code: MISSING_OPTION, exitCode: 1 })
}

/** As commander calls it. */
export const MISSING_OPTION = 'commander.missingMandatoryOptionValue'

async function perform(verb: Verb, args: Invocation['args'], options: Options, terminal: Terminal): Promise<number> {
  return invoked(args, options, terminal, async (invocation) => {
    const result = await verb.run(invocation)
    if (typeof result === 'number') return result
    await write(terminal.stdout, `${options.json === true ? safeJson(result.json) : safeText(result.text)}\n`)
    return result.code ?? exitCode.ok
  })
}

/** Whatever connections were made are closed afterwards. */
export async function invoked<Answer>(
  args: Invocation['args'],
  options: Options,
  terminal: Terminal,
  work: (invocation: Invocation) => Promise<Answer>,
): Promise<Answer> {
  const clients: GatewayClient[] = []
  const keep = (client: GatewayClient) => {
    clients.push(client)
    return client
  }
  let settings: Settings | undefined
  const invocation: Invocation = {
    args,
    options,
    terminal,
    settings: () => (settings ??= loadSettings({ env: terminal.env, envFile: options.envFile })),
    operator: () => keep(operatorClient(invocation.settings(), operatorToken(terminal))),
    agent: () => keep(agentClient(invocation.agentUrl(), agentToken(terminal))),
    agentUrl: () => agentUrl(invocation),
  }
  checkSecretOptions(options)
  try {
    return await work(invocation)
  } finally {
    await Promise.all(clients.map((client) => client.close()))
  }
}

function agentUrl(invocation: Invocation): string {
  const url = invocation.terminal.env.CLAVIGER_URL
  if (url) return url
  const settings = invocation.settings()
  // A certificate is for the public name, and seldom for an address.
  return settings.tlsCert === undefined ? listenerUrl(settings) : (settings.publicUrl ?? listenerUrl(settings))
}
