// Reading files of NAME=value lines as dotenv, shells and systemd agree on them, with the place of everything.
import { basename } from 'node:path'
import { Secret } from '../../ground/secret.ts'
import type { Detect, Detected } from './detect.ts'
import { type Edit, type Findings, type Found, lineAt, type Reference, type Remark } from './found.ts'
import { nearestService } from './nearest-service.ts'
import type { Source } from './read-source.ts'
import { isSecretName, isSecretValue } from './secret-looks.ts'

interface Assignment {
  readonly name: string
  /** From the name (or `export`) to the end of the value. */
  readonly start: number
  readonly end: number
  readonly value: string
  /** Its value is made when it is read, or means different things to different readers. */
  readonly unclear?: string
}

const START = /^[ \t]*((?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*)/
/** What was put in a value's place before. */
export const POINTER =
  /^[ \t]*# claviger: ([A-Za-z_][A-Za-z0-9_.-]*) is credential ([A-Za-z0-9._-]+) of service ([a-z0-9._-]+)/

/** A rule may know the whole of it; a service still wants the password alone. */
const URL_WITH_LOGIN = /^[a-z][a-z0-9+.-]*:\/\/[^@\s]+@/i

/** Whether a file of this name holds NAME=value lines: `.env`, `.env.local`, `app.env`, `.envrc`, `env`. */
export function isEnvFile(path: string): boolean {
  return /^\.env(rc)?([._-][\w.-]+)?$|\.env$|^env$/i.test(basename(path))
}

/** Every secret among the assignments. `names` are services that are there. */
export async function findInEnv(source: Source, detect: Detect, names: ReadonlySet<string>): Promise<Findings> {
  const found: Found[] = []
  const remarks: Remark[] = []
  for (const assignment of assignmentsIn(source.text)) {
    const { name, value } = assignment
    const known = await ruleFor(detect, name, value)
    if (known === undefined && !(isSecretName(name) && isSecretValue(value))) continue
    const line = lineAt(source.text, assignment.start)
    const secret = Secret.fromText(value)
    const service = known?.service ?? nearestService([name], names)
    const stays = assignment.unclear ?? partWhy(assignment, known)
    const rewrite = (reference: Reference) => [pointerFor(assignment, reference)]
    found.push({ source, place: name, line, secret, service, rule: known?.rule, rewrite, ...(stays && { stays }) })
  }
  for (const { name, handle, line } of pointersIn(source.text))
    remarks.push({ file: source.path, place: name, line, why: `imported before, as credential ${handle}` })
  return { found, remarks }
}

/** Why what would be stored is not the secret; undefined if it is. */
function partWhy({ name, value }: Assignment, known: Detected | undefined): string | undefined {
  if (URL_WITH_LOGIN.test(value)) return 'only a part of the URL is the secret'
  const whole = known?.value === value || (isSecretName(name) && isSecretValue(value))
  return whole ? undefined : `only a part of the value is the secret (${known?.rule})`
}

/** A rule that knows the value, best as a whole. */
async function ruleFor(detect: Detect, name: string, value: string): Promise<Detected | undefined> {
  if (value.length < 8) return undefined
  const detected = await detect(`${name}=${value}`, '.env')
  return detected.find((one) => one.value === value) ?? detected[0]
}

/** A comment to every reader of such files, so that what wanted the variable says that it is missing. */
function pointerFor({ start, end, name }: Assignment, { handle, service }: Reference): Edit {
  return { start, end, text: `# claviger: ${name} is credential ${handle} of service ${service}` }
}

function pointersIn(text: string): { name: string; handle: string; line: number }[] {
  return text.split('\n').flatMap((line, index) => {
    const [, name, handle] = POINTER.exec(line) ?? []
    return name === undefined || handle === undefined ? [] : [{ name, handle, line: index + 1 }]
  })
}

export function assignmentsIn(text: string): Assignment[] {
  const found: Assignment[] = []
  for (let at = text.startsWith('\ufeff') ? 1 : 0; at < text.length; ) {
    const lineEnd = endOfLine(text, at)
    const [whole = '', head = '', name = ''] = START.exec(text.slice(at, lineEnd)) ?? []
    if (name === '') {
      at = lineEnd + 1
      continue
    }
    const valueAt = at + whole.length
    const read = readValue(text, valueAt, lineEnd)
    found.push({ name, start: valueAt - head.length, ...read })
    at = endOfLine(text, read.end) + 1
  }
  return found
}

function readValue(text: string, at: number, lineEnd: number): Pick<Assignment, 'end' | 'value' | 'unclear'> {
  const quote = text[at] ?? ''
  const close = `"'\``.includes(quote) && quote !== '' ? closingQuote(text, at) : -1
  if (close === -1) return unquoted(text, at, lineEnd)
  const value = text.slice(at + 1, close)
  const after = text.slice(close + 1, endOfLine(text, close))
  if (!/^\s*(#.*)?$/.test(after))
    return { ...unquoted(text, at, lineEnd), unclear: 'the value is put together of parts' }
  const unclear = quote === "'" ? undefined : unclearIn(value)
  return { end: close + 1, value, ...(unclear && { unclear }) }
}

function unquoted(text: string, at: number, lineEnd: number): Pick<Assignment, 'end' | 'value' | 'unclear'> {
  const raw = text.slice(at, lineEnd)
  const value = raw.startsWith('#') ? '' : (/^(.*?)(?:[ \t]+#.*)?[ \t\r]*$/s.exec(raw)?.[1] ?? raw).trimEnd()
  const unclear = unclearIn(value)
  return { end: at + value.length, value, ...(unclear && { unclear }) }
}

function unclearIn(value: string): string | undefined {
  if (value.includes('\\')) return 'readers differ about the backslash in it'
  return /\$\(|`|\$\{?\w/.test(value) ? 'the value is made of other values' : undefined
}

/** The quote that ends what begins at `at`, on a later line too; -1 if none does. */
function closingQuote(text: string, at: number): number {
  for (let next = at + 1; next < text.length; next += 1) {
    if (text[next] === '\\' && text[at] === '"') next += 1
    else if (text[next] === text[at]) return next
  }
  return -1
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf('\n', at)
  return end === -1 ? text.length : end
}
