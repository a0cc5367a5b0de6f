// `claviger audit export`: the log as lines for other tools, as it is or in the form of another system's file. It reads the
// files themselves, needs no gateway, and checks nothing: that is `audit verify`.
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import type { Writable } from 'node:stream'
import { segmentPath } from '../audit/log-paths.ts'
import { listSegments, readLines } from '../audit/read-lines.ts'
import type { AuditRow } from '../doors/agentvault/audit-rows.ts'
import { exitCode } from './exit-codes.ts'
import { cliProblem } from './problems.ts'
import { unwritable } from './text-file.ts'
import type { Invocation, OptionSpec, Verb } from './verb.ts'

/** Makes lines of records, in their order. */
interface Form {
  take(line: string): string[]
  rest(): string[]
}

const forms: Readonly<Record<string, () => Promise<Form>>> = {
  claviger: async () => ({ take: (line) => [line], rest: () => [] }),
  clauth: async () => {
    const { ClauthLines } = await import('../doors/clauth/audit-rows.ts')
    const lines = new ClauthLines()
    return { take: (line) => lines.take(JSON.parse(line)), rest: () => lines.rest() }
  },
  vault: async () => {
    const { auditRow } = await import('../doors/agentvault/audit-rows.ts')
    return vaultForm(auditRow)
  },
}

/** A call's row stands where its outcome does: only then its status is known. */
function vaultForm(auditRow: (record: never, status: number | undefined) => AuditRow | undefined): Form {
  const open = new Map<string, unknown>()
  const row = (record: unknown, status?: number) => {
    const made = auditRow(record as never, status)
    return made === undefined ? [] : [JSON.stringify(made)]
  }
  return {
    take: (line) => {
      const record = JSON.parse(line)
      if (record.type === 'intent') {
        if (record.ev?.event !== undefined) open.set(record.rid, record)
        return []
      }
      if (record.type !== 'outcome') return row(record)
      const intent = open.get(record.rid)
      open.delete(record.rid)
      return intent === undefined ? [] : row(intent, record.outcome?.status)
    },
    rest: () => [...open.values()].flatMap((intent) => row(intent)),
  }
}

/** `folderOf`: where the log is that was asked for. */
export function exportVerb(place: readonly OptionSpec[], folderOf: (invocation: Invocation) => string): Verb {
  return {
    signature: 'export',
    summary: 'the log as lines (NDJSON): as it is, or as Clauth or agentic-credential-vault would have written it',
    options: [
      ...place,
      { flags: '--as <form>', about: 'claviger (as it is), clauth or vault; claviger if not said' },
      { flags: '--out <file>', about: 'write it to this new file (0600), not to stdout' },
    ],
    examples: ['claviger audit export --as clauth --out audit.ndjson'],
    async run(invocation) {
      const { options, terminal } = invocation
      const make = forms[options.as ?? 'claviger']
      if (make === undefined)
        throw cliProblem('usage', { detail: `--as ${options.as}: claviger, clauth or vault is wanted.` })
      const dir = folderOf(invocation)
      if (options.out === undefined) {
        await write(dir, await make(), terminal.stdout)
        return exitCode.ok
      }
      const file = createWriteStream(options.out, { flags: 'wx', mode: 0o600 })
      await once(file, 'open').catch((error) => {
        throw unwritable(options.out, error)
      })
      const lines = await write(dir, await make(), file)
      await new Promise((resolve) => file.end(resolve))
      return { json: { file: options.out, lines }, text: `${lines} lines in ${options.out}` }
    },
  }
}

/** How many lines were written. */
async function write(dir: string, form: Form, to: Writable): Promise<number> {
  let count = 0
  const put = async (lines: readonly string[]) => {
    if (lines.length === 0) return
    count += lines.length
    if (!to.write(`${lines.join('\n')}\n`)) await once(to, 'drain')
  }
  for (const segment of await listSegments(dir)) {
    const waiting: string[] = []
    await readLines(segmentPath(dir, segment), (chunk, start, end) => {
      waiting.push(...form.take(chunk.subarray(start, end).toString('utf8')))
      return true
    })
    await put(waiting)
  }
  await put(form.rest())
  return count
}
