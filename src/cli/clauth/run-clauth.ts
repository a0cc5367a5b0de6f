/** The command `clauth`: the verbs, flags, answers and exit codes of Clauth (clauth.md §4), over the same gateway as `claviger`. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Problem } from '../../ground/problem.ts'
import { VERSION } from '../../version.ts'
import { cliProblem } from '../problems.ts'
import { processTerminal, safeJson, safeText, say, type Terminal, write } from '../terminal.ts'
import { invoked } from '../verb.ts'
import type { ClauthVerb, Said } from './clauth-verb.ts'
import { store } from './credentials.ts'
import { daemon, init } from './daemon.ts'
import { readFlags } from './flags.ts'
import { emergencyRevoke, grant, revoke } from './grants.ts'
import { migrate } from './migrate.ts'
import { doctor, status } from './state.ts'
import { adminToken, sessionToken, skillToken } from './tokens.ts'

type Verbs = Readonly<Record<string, ClauthVerb | Readonly<Record<string, ClauthVerb>>>>

const verbs: Verbs = {
  ...{
    init,
    store,
    grant,
    revoke,
    'emergency-revoke': emergencyRevoke,
    status,
    daemon,
    serve: daemon,
    doctor,
    migrate,
  },
  ...{ 'admin-token': adminToken, 'skill-token': skillToken, 'session-token': sessionToken },
}

const later: Readonly<Record<string, string>> = {
  identity: 'Identity proofs come with the identity broker; until then nothing is proven here.',
  advisory: 'Advisories come with the guard.',
  service: 'Installing as a service comes with packaging; `clauth daemon` runs in the foreground.',
}

const HELP: ReadonlySet<string> = new Set(['help', '--help', '-h'])

/** Runs one command line (without node and script). Resolves to the exit code; never throws. */
export async function runClauth(argv: readonly string[], terminal: Terminal = processTerminal): Promise<number> {
  process.umask(0o077)
  try {
    const [name, ...words] = argv
    if (name === undefined || HELP.has(name)) return await help(terminal, 0)
    if (name === '--version' || name === 'version') return await version(terminal)
    if (Object.hasOwn(later, name)) return refuse(terminal, 'NOT_AVAILABLE', later[name] ?? '')
    const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined
    if (verb === undefined) return await help(terminal, 1)
    if (words.some((word) => word === '--help' || word === '-h')) return await help(terminal, 0, name)
    if (isVerb(verb)) return await perform(verb, words, terminal)
    const part = Object.hasOwn(verb, words[0] ?? '') ? verb[words[0] ?? ''] : undefined
    return part === undefined ? await help(terminal, 1) : await perform(part, words.slice(1), terminal)
  } catch (error) {
    return report(error, terminal)
  }
}

function isVerb(verb: Verbs[string]): verb is ClauthVerb {
  return typeof (verb as ClauthVerb)?.run === 'function'
}

async function perform(verb: ClauthVerb, words: readonly string[], terminal: Terminal): Promise<number> {
  const flags = readFlags(words, verb.flags)
  const own = { ...terminal, env: withHome(terminal.env) }
  const said: Said = await invoked([], {}, own, (invocation) => verb.run(flags, invocation))
  if ('json' in said) await write(terminal.stdout, `${safeJson(said.json)}\n`)
  if ('text' in said) await write(terminal.stdout, `${safeText(said.text)}\n`)
  return 'code' in said ? (said.code ?? 0) : 0
}

/** CLAUTH_HOME is where the home is, unless Clauth's own files are there: those are brought over, and not written to. */
function withHome(env: Terminal['env']): Terminal['env'] {
  const { CLAUTH_HOME, CLAVIGER_HOME } = env
  if (!CLAUTH_HOME || CLAVIGER_HOME || existsSync(join(CLAUTH_HOME, 'vault.enc'))) return env
  return { ...env, CLAVIGER_HOME: CLAUTH_HOME }
}

/** All verbs, or one. */
async function help(terminal: Terminal, code: number, only?: string): Promise<number> {
  const shown = Object.entries(verbs).filter(([name]) => only === undefined || name === only)
  const lines = shown.flatMap(([name, verb]) =>
    isVerb(verb)
      ? [`  clauth ${name} ${verb.about}`]
      : Object.entries(verb).map(([part, { about }]) => `  clauth ${name} ${part} ${about}`),
  )
  const more = ['', 'identity, advisory and service come later. Everything else: claviger --help']
  const text = ['Usage:', ...lines.map((line) => line.trimEnd()), ...(only === undefined ? more : [])]
  await write(terminal.stdout, `${text.join('\n')}\n`)
  return code
}

async function version(terminal: Terminal): Promise<number> {
  await write(terminal.stdout, `${VERSION}\n`)
  return 0
}

const INVALID = new Set(['usage', 'secret_in_argv', 'secret_source_missing', 'secret_source_invalid', 'label_invalid'])
const BY_STATUS: Readonly<Record<number, string>> = {
  400: 'VALIDATION_ERROR',
  401: 'UNAUTHORIZED',
  403: 'ACCESS_DENIED',
  404: 'NOT_FOUND',
  409: 'VALIDATION_ERROR',
  422: 'VALIDATION_ERROR',
}

function report(error: unknown, terminal: Terminal): number {
  if (!(error instanceof Problem)) {
    if ((error as NodeJS.ErrnoException)?.code === 'EPIPE') return 0
    return refuse(terminal, 'INTERNAL_ERROR', `a bug: ${error instanceof Error ? error.name : typeof error}`)
  }
  const code = INVALID.has(error.code) ? 'VALIDATION_ERROR' : (BY_STATUS[error.status] ?? error.code.toUpperCase())
  // What is wrong with the command line is said in Clauth's words, and in no more than these.
  const isUsage = error.code === 'usage'
  const title = isUsage ? undefined : sentence(error.title)
  const hint = isUsage && error.hint === cliProblem('usage').hint ? undefined : error.hint
  return refuse(terminal, code, [title, error.detail, hint].filter((part) => part !== undefined).join(' '))
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}

function refuse(terminal: Terminal, code: string, message: string): number {
  say(terminal, `[${code}] ${message}`)
  return 1
}
