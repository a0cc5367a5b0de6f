// openclaw.json: JSON5 with includes. Secrets in it become `${CLAVIGER_…}`, which OpenClaw puts in wherever it takes a text.
import { dirname, resolve, sep } from 'node:path'
import { Problem } from '../../ground/problem.ts'
import { Secret } from '../../ground/secret.ts'
import type { Around } from './around.ts'
import type { Detect, Detected } from './detect.ts'
import { type Findings, type Found, lineAt, type Remark } from './found.ts'
import { type JsonString, parseJson5, stringsIn } from './json-values.ts'
import { serviceOfPath } from './openclaw-service.ts'
import { isMissing, readSource, type Source } from './read-source.ts'
import { variableOf } from './reference-variable.ts'
import { isSecretName, isSecretValue } from './secret-looks.ts'

const MOST_INCLUDES = 10

/** Members that say nothing about what is in them. */
const wrappings = new Set(['config', 'env', 'vars', 'headers', 'accounts', 'default', 'providers'])

/** A string of the configuration as OpenClaw sees it: where it is in the whole, and in which file. */
interface Placed extends JsonString {
  readonly source: Source
}

/** What proves others to OpenClaw, or OpenClaw to itself: no key for an outside service. */
const own =
  /^(gateway\.|hooks\.|cron\.webhookToken$|channels\..*(webhookSecret|signingSecret|verificationToken|encryptKey|webhookToken)$|plugins\.entries\.webhooks\.)/
/** Where OpenClaw takes no reference at all. */
const plainOnly = /^(env\.|skills\.entries\.[^.]+\.env\.|proxy\.proxyUrl$)/
const namesFile = /(^|\.)(tokenFile|clientKey|keyFile)$|^secrets\.providers\.[^.]+\.path$/

export async function findInOpenClawConfig(file: string, detect: Detect, around: Around): Promise<Findings> {
  const remarks: Remark[] = []
  const strings = await placedStrings(file, remarks)
  const values = new Map(strings.map(({ path, value }) => [path.join('\0'), value]))
  const found: Found[] = []
  for (const one of strings) {
    const place = one.path.join('.')
    const line = lineAt(one.source.text, one.start)
    if (namesFile.test(place)) {
      remarks.push({ file: one.source.path, place, line, why: 'names a file that holds a secret; it is not read' })
      continue
    }
    const known = await secretIn(one, detect)
    if (known === undefined) continue
    if (own.test(place)) {
      remarks.push({ file: one.source.path, place, line, why: 'OpenClaw’s own secret, no key for an outside service' })
      continue
    }
    const service = known.rule?.service ?? serviceOfPath(one.path, (path) => values.get(path.join('\0')), around)
    found.push({ ...foundAt(one, known), place, line, service, rule: known.rule?.rule, ...keepsAt(place) })
  }
  return { found, remarks }
}

function keepsAt(place: string): { keeps?: string } {
  return plainOnly.test(place) ? { keeps: 'OpenClaw takes no reference here: take it out by hand' } : {}
}

interface Known {
  readonly value: string
  /** What stands before it in the string, such as `Bearer `. */
  readonly before: string
  readonly rule: Detected | undefined
}

/** The secret in a string, by the name of its member, by being a header or a variable, or by its form. */
async function secretIn({ path, value }: Placed, detect: Detect): Promise<Known | undefined> {
  const name = path.at(-1) ?? ''
  const [, before = '', rest = value] = /^((?:Bearer|Basic|Token|Bot) +)(.*)$/is.exec(value) ?? []
  if (rest.length < 8 || !isSecretValue(rest)) return undefined
  const [rule] = (await detect(`${name}: ${rest}`, 'openclaw.json')).filter((one) => one.value === rest)
  const named = isSecretName(name) || /^(authorization|x-.*(key|token|auth).*)$/i.test(name)
  return named || before !== '' || rule !== undefined ? { value: rest, before, rule } : undefined
}

function foundAt(
  { source, start, end, path }: Placed,
  { value, before }: Known,
): Pick<Found, 'source' | 'secret' | 'label' | 'byVariable' | 'rewrite'> {
  const label = path
    .filter((name) => !wrappings.has(name))
    .slice(-2)
    .join('.')
  const text = (handle: string) => JSON.stringify(`${before}\${${variableOf(handle)}}`)
  const rewrite: Found['rewrite'] = ({ handle }) => [{ start, end, text: text(handle) }]
  return { source, secret: Secret.fromText(value), label, byVariable: true, rewrite }
}

async function placedStrings(file: string, remarks: Remark[]): Promise<Placed[]> {
  const root = dirname(file)
  const found: Placed[] = []
  const seen = new Set<string>()
  const read = async (path: string, base: readonly string[], depth: number): Promise<void> => {
    const source = readSource(path)
    // One that is included twice is read once: its secrets are the same.
    if (seen.has(source.path)) return
    seen.add(source.path)
    for (const one of stringsIn(await parseJson5(source))) {
      const at = one.path.indexOf('$include')
      if (at === -1) found.push({ ...one, path: [...base, ...one.path], source })
      else await include(resolve(dirname(source.path), one.value), [...base, ...one.path.slice(0, at)], depth)
    }
  }
  const include = async (path: string, base: readonly string[], depth: number): Promise<void> => {
    const why =
      depth >= MOST_INCLUDES
        ? 'is included too deep'
        : path.startsWith(`${root}${sep}`)
          ? undefined
          : 'lies outside the configuration’s folder'
    if (why !== undefined) remarks.push({ file: path, why, failed: true })
    else await tryRead(path, base, depth + 1)
  }
  const tryRead = async (path: string, base: readonly string[], depth: number): Promise<void> => {
    try {
      await read(path, base, depth)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
      if (depth > 0 || !isMissing(error)) remarks.push({ file: path, why: error.detail ?? error.title, failed: true })
    }
  }
  await tryRead(file, [], 0)
  return found
}
