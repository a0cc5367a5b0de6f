/**
 * Does what a plan says, in an order that a crash cannot make wrong: journal, vault, journal, file. A secret leaves a file
 * only when the vault has it, and a file is replaced only when the journal has what it was.
 */
import type { Clock } from '../../ground/clock.ts'
import { Problem } from '../../ground/problem.ts'
import type { GatewayClient } from '../client.ts'
import { pathOf } from '../path-of.ts'
import { textOf } from '../secret-source.ts'
import { edited, type Found, type Remark } from './found.ts'
import { Journal, newJournalId, sha256Hex } from './journal.ts'
import { type KnownSecrets, newKey } from './known-secrets.ts'
import { holds } from './look-at-secret.ts'
import { freeHandle, labelOf, type Step, staysWhy } from './plan.ts'
import { IMPORTED, JOURNAL } from './present.ts'
import type { Source } from './read-source.ts'
import { refuseChanged, replaceSource } from './replace-source.ts'
import type { Verifier } from './verify.ts'

export interface Work {
  readonly home: string
  readonly client: GatewayClient
  readonly clock: Pick<Clock, 'now'>
  readonly known: KnownSecrets
  /** What is imported, such as `env`. */
  readonly what: string
  /** Asks the service whose each secret is. One that it refuses is not kept, and stays where it was. */
  readonly verifier?: Verifier | undefined
}

export interface Done {
  readonly journal: string
  /** Steps with the handle that each secret really has. */
  readonly steps: readonly Step[]
  readonly replaced: readonly string[]
  readonly remarks: readonly Remark[]
}

/** Stores and replaces. What fails for one secret or file is said among the remarks, and the rest goes on. */
export async function carryOut(plan: readonly Step[], work: Work): Promise<Done> {
  const sources = sourcesOf(plan)
  for (const source of sources) refuseChanged(source)
  const at = work.clock.now()
  const id = newJournalId(at)
  const head = { journal: id, at, what: work.what, from: sources.map(({ path }) => path) }
  const journal = Journal.create(work.home, head, await newKey(work.client, id))
  try {
    const remarks: Remark[] = []
    const steps: Step[] = []
    for (const step of plan) steps.push(await carryOutStep(step, work, journal, remarks))
    const replaced = sources.filter((source) => replaceIn(source, steps, journal, remarks)).map(({ path }) => path)
    journal.append({ finished: work.clock.now() })
    return { journal: id, steps, replaced, remarks }
  } finally {
    journal.close()
  }
}

function sourcesOf(plan: readonly Step[]): Source[] {
  const places = plan.filter(({ action }) => action !== 'leave').flatMap(({ places }) => places)
  const written = places.filter((found) => found.keeps === undefined && staysWhy(found) === undefined)
  return [...new Map(written.map(({ source }) => [source.path, source])).values()]
}

async function carryOutStep(step: Step, work: Work, journal: Journal, remarks: Remark[]): Promise<Step> {
  if (step.action === 'leave') return step
  try {
    if (step.action === 'known') return await verified(step, work)
    if (step.template !== undefined || step.makes !== undefined) await makeService(step, work, journal)
    return await verified({ ...step, handle: await store(step, work, journal) }, work)
  } catch (error) {
    if (!(error instanceof Problem) || error.code === 'gateway_not_running') throw error
    const { source, place, line } = step.places[0]!
    const why = `${error.title} [${error.code}]`
    remarks.push({ file: source.path, place, line, why, failed: true })
    return { ...step, action: 'leave', why }
  }
}

/** What the service says of the secret, where it is to be asked. */
async function verified(step: Step, { client, verifier }: Work): Promise<Step> {
  const { handle = '', action } = step
  if (verifier === undefined) return step
  const verdict = await verifier(handle)
  if (verdict.outcome === 'works') return { ...step, verified: `works, as ${verdict.identity}` }
  if (verdict.outcome === 'unknown') return { ...step, verified: `not verified: ${verdict.why}` }
  if (action === 'store') await client.ask({ method: 'DELETE', path: pathOf('credentials', handle) })
  return { ...step, action: 'leave', why: verdict.why }
}

async function makeService(
  { service: name, template, makes }: Step,
  { client }: Work,
  journal: Journal,
): Promise<void> {
  // Another secret of the same import made it a moment ago.
  if (journal.lines.some((line) => 'madeService' in line && line.madeService === name)) return
  const { origins, injection } = makes ?? {}
  const body = template === undefined ? { name, origins, injection } : { name, template }
  try {
    await client.ask({ method: 'POST', path: '/services', body })
    journal.append({ madeService: name })
  } catch (error) {
    // One that somebody made meanwhile is for the same provider if it has a template's name, and else for anybody.
    if (makes !== undefined || !(error instanceof Problem && error.code === 'service_exists')) throw error
  }
}

/** Gives the handle: another than planned where somebody took that one meanwhile. */
async function store({ places, handle: planned = '', service }: Step, work: Work, journal: Journal): Promise<string> {
  const { secret, meta } = places[0]!
  const taken = new Set<string>()
  const tag = work.known.tag(secret)
  const text = textOf(secret)
  for (let handle = planned; ; handle = freeHandle(service, labelOf(places), taken)) {
    journal.append({ storing: handle, service })
    const body = { handle, service, secret: text, meta: { ...meta, [IMPORTED]: tag, [JOURNAL]: journal.id } }
    try {
      await work.client.ask({ method: 'POST', path: '/credentials', body })
      return handle
    } catch (error) {
      if (!(error instanceof Problem && error.code === 'handle_taken') || taken.size >= 100) throw error
      taken.add(handle)
    }
  }
}

/** Whether the file was replaced. */
function replaceIn(source: Source, steps: readonly Step[], journal: Journal, remarks: Remark[]): boolean {
  const due = steps.flatMap((step) =>
    step.action === 'leave'
      ? []
      : step.places.filter((found) => found.source === source).map((found) => ({ step, found })),
  )
  const edits = due.flatMap(({ step, found }) => rewritten(step, found))
  if (edits.length === 0) return false
  const bytes = Buffer.from(edited(source.text, edits))
  try {
    refuseChanged(source)
    journal.appendFile(source.path, { before: source.bytes, mode: source.stat.mode & 0o7777, after: sha256Hex(bytes) })
    replaceSource(source, bytes, journal.id)
    return true
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    remarks.push({ file: source.path, why: `${error.detail ?? error.title} [${error.code}]`, failed: true })
    return false
  }
}

function rewritten({ handle, service }: Step, found: Found) {
  if (handle === undefined || found.keeps !== undefined || staysWhy(found) !== undefined) return []
  return found.rewrite?.({ handle, service }) ?? []
}

/** Secrets that would stay in a file that gets references: at a second place where no importer looks, such as a comment. */
export function remaining(plan: readonly Step[]): Remark[] {
  return sourcesOf(plan).flatMap((source) => {
    const own = plan.filter(({ action }) => action !== 'leave')
    const edits = own.flatMap((step) =>
      step.places
        .filter((found) => found.source === source)
        .flatMap((found) => rewritten({ ...step, handle: 'x' }, found)),
    )
    if (edits.length === 0) return []
    const after = Buffer.from(edited(source.text, edits))
    const left = own.flatMap(({ places }) =>
      places.filter((found) => found.source === source && !found.stays && !found.keeps),
    )
    return left
      .filter(({ secret, parts = [secret] }) => parts.some((part) => holds(after, part)))
      .map(({ place, line }) => ({
        file: source.path,
        place,
        line,
        why: 'the same value stands at another place of this file and stays there',
      }))
  })
}
