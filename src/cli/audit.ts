import { writeFileSync } from 'node:fs'
import type { Command } from 'commander'
import { auditFileCommands } from './audit-files.ts'
import type { GatewayClient } from './client.ts'
import { cliProblem } from './problems.ts'
import { facts, table } from './render.ts'
import { readSecret, textOf } from './secret-source.ts'
import { unwritable } from './text-file.ts'
import { wholeNumber } from './values.ts'
import { addVerb, type Session, secretOptions, type Verb } from './verb.ts'

const prove: Verb = {
  signature: 'prove',
  summary: 'a self-contained proof that a record is in the log (C2SP tlog-proof)',
  options: [
    { flags: '--seq <number>', about: 'of the record with this number' },
    { flags: '--rid <id>', about: 'of the intent of this request' },
    { flags: '--checkpoint', about: 'not of a record: sign the whole log as it is now, as a note to keep outside' },
    { flags: '--out <file>', about: 'write it to this file' },
  ],
  async run({ options, operator }) {
    const named = [options.seq, options.rid, options.checkpoint].filter((which) => which !== undefined)
    if (named.length !== 1)
      throw cliProblem('usage', { detail: 'Name a record with --seq or --rid, or say --checkpoint.' })
    const asked =
      options.rid === undefined
        ? `seq=${wholeNumber(options.seq ?? '0', '--seq', 0)}`
        : `rid=${encodeURIComponent(options.rid)}`
    const json = await operator().ask(
      options.checkpoint === true
        ? { method: 'POST', path: '/audit/checkpoint' }
        : { method: 'GET', path: `/audit/proof?${asked}` },
    )
    const text: string = json.note ?? json.proof
    if (options.out === undefined) return { json, text: text.trimEnd() }
    try {
      writeFileSync(options.out, text, { mode: 0o600 })
    } catch (error) {
      throw unwritable(options.out, error)
    }
    return { json, text: options.out }
  },
}

const hash: Verb = {
  signature: 'hash',
  summary: 'how a value would stand in the log, to search for it: it is asked for, never an argument',
  options: secretOptions,
  async run({ options, operator, terminal }) {
    const client = operator()
    const value = await readSecret(options, terminal, 'Value')
    const json = await client.ask({
      method: 'POST',
      path: '/audit/hash',
      body: { value: textOf(value) },
    })
    return { json, text: json.hash }
  },
}

const reindex: Verb = {
  signature: 'reindex',
  summary: 'make the query index again, from the log',
  async run({ operator }) {
    const json = await operator().ask({ method: 'POST', path: '/audit/reindex' })
    return { json, text: facts(json) }
  },
}

const tail: Verb = {
  signature: 'tail',
  summary: 'the last records',
  options: [
    { flags: '-n, --limit <number>', about: 'how many; 20 if not said' },
    { flags: '--type <type>', about: 'of this type: intent, outcome, deny, auth, grant, …' },
    { flags: '--rid <id>', about: 'of this request' },
    { flags: '--agent <name>', about: 'of this agent' },
    { flags: '--service <name>', about: 'of this service' },
  ],
  async run({ options, operator }) {
    const asked = new URLSearchParams({ limit: String(wholeNumber(options.limit ?? '20', '--limit', 1, 1_000)) })
    for (const name of ['type', 'rid', 'agent', 'service'])
      if (options[name] !== undefined) asked.set(name, options[name])
    const client = operator()
    const json = await client.ask({ method: 'GET', path: `/audit/records?${asked}` })
    const names = options.json === true ? new Map() : await namesOf(client)
    const rows = json.items.map((record: unknown) => row(record, names))
    return { json, text: table(rows, ['seq', 'time', 'type', 'rid', 'actor', 'what'], 'no records') }
  },
}

const show: Verb = {
  signature: 'show <seq>',
  summary: 'one record, whole',
  async run({ args: [seq = ''], operator }) {
    const path = `/audit/records/${wholeNumber(seq, 'seq', 0)}`
    const json = await operator().ask({ method: 'GET', path })
    return { json, text: facts(json) }
  },
}

/** `claviger audit tail | show | prove | hash | reindex`, and from audit-files.ts what reads the files themselves. */
export function auditCommands(program: Command, session: Session): void {
  const audit = program.command('audit').description('the record of what happened: read it, check it, prove it')
  readingCommands(audit, session)
  auditFileCommands(audit, session)
  addVerb(audit, session, prove)
  addVerb(audit, session, hash)
  addVerb(audit, session, reindex)
}

function readingCommands(audit: Command, session: Session): void {
  addVerb(audit, session, tail)
  addVerb(audit, session, show)
}

/** What ids are called by people. What is not there any more keeps its id. */
async function namesOf(client: GatewayClient): Promise<Map<string, string>> {
  const paths = ['/agents', '/services', '/relying', '/credentials']
  const lists = await Promise.all(paths.map((path) => client.ask({ method: 'GET', path })))
  type Named = { readonly id: string; readonly name?: string; readonly handle?: string }
  const all: Named[] = lists.flatMap(({ items }) => items)
  return new Map(all.map(({ id, name, handle }) => [id, name ?? handle ?? id]))
}

// biome-ignore lint/suspicious/noExplicitAny: the shape belongs to the audit room
function row(record: any, names: ReadonlyMap<string, string>): any {
  const { seq, ts, type, rid, actor, req, decision, outcome, ev } = record
  const asked = req === undefined ? [] : [req.method, ...placeOf(req)]
  const reason = decision?.reasons?.[0]
  const changed = [ev?.what, ev?.name ?? ev?.handle ?? ev?.service ?? ev?.agent ?? ev?.reason]
  const said = [decision?.effect, reason, outcome?.status, outcome?.error, ...changed].filter(
    (part) => part !== undefined,
  )
  const called = (id: string) => names.get(id) ?? id
  const what = [...asked, ...said].map(called).join(' ')
  return { seq, time: new Date(ts).toISOString(), type, rid, actor: actor && called(actor.id), what }
}

/** Of a tunnel that nobody looks into, the host is all there is; of one that was refused not even that stands in clear. */
function placeOf({ service, path, origin }: { service: string; path: string; origin?: string }): string[] {
  if (service !== '') return [service, path]
  return origin?.startsWith('https://') ? [origin] : []
}
