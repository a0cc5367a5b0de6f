/** Endpoints that read the log. None writes it: records are made by what happens. */
import { z } from 'zod'
import { type BoundEndpoint, bind, endpoint } from '../http/endpoint.ts'
import type { OpenedAudit } from './audit.ts'
import { auditProblem, auditProblems } from './contract.ts'
import { lineAt } from './find-line.ts'
import { type LogRecord, tailRecords } from './find-record.ts'
import { proveRecord } from './prove.ts'
import { isRecordType } from './record-types.ts'
import { verificationRoutes } from './verification-routes.ts'

const Seq = z.coerce.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER)
const Time = z.coerce.number().int().nonnegative()
const Name = z.string().min(1).max(128)
const KNOWN_TYPES =
  'a record type is wanted: intent, outcome, deny, auth, grant, revoke, config, seal, boot, recover, anchor, …'
const AnyRecord = z.looseObject({ seq: z.int(), type: z.string(), ts: z.int() })

export const listRecords = endpoint({
  method: 'GET',
  path: '/claviger/v1/audit/records',
  caller: 'operator',
  summary: 'The newest records that match, oldest of them first; lag says how many the index has not read yet',
  query: z.strictObject({
    limit: z.coerce.number().int().min(1).max(1_000).default(100),
    type: Name.refine(isRecordType, KNOWN_TYPES).optional(),
    rid: Name.optional(),
    agent: Name.optional(),
    service: Name.optional(),
    status: z.coerce.number().int().min(0).max(999).optional(),
    from: Time.optional(),
    to: Time.optional(),
    before: Seq.optional(),
  }),
  reply: z.object({ items: z.array(AnyRecord), size: z.int(), lag: z.int() }),
})

export const showRecord = endpoint({
  method: 'GET',
  path: '/claviger/v1/audit/records/{seq}',
  caller: 'operator',
  summary: 'One record, whole',
  params: z.strictObject({ seq: Seq }),
  reply: AnyRecord,
  problems: auditProblems,
})

export const proof = endpoint({
  method: 'GET',
  path: '/claviger/v1/audit/proof',
  caller: 'operator',
  summary: 'A self-contained proof that a record is in the log (C2SP tlog-proof)',
  query: z.union([z.strictObject({ seq: Seq }), z.strictObject({ rid: Name })]),
  reply: z.object({ seq: z.int(), size: z.int(), proof: z.string() }),
  problems: auditProblems,
})

export const checkpoint = endpoint({
  method: 'POST',
  path: '/claviger/v1/audit/checkpoint',
  caller: 'operator',
  role: 'auditor',
  summary: 'Sign the log as it is now; keep the note outside, it finds what was rewritten later',
  reply: z.object({ note: z.string() }),
  problems: auditProblems,
})

export const hashValue = endpoint({
  method: 'POST',
  path: '/claviger/v1/audit/hash',
  caller: 'operator',
  role: 'auditor',
  summary: 'How a value would stand in the log, to search for it',
  body: z.strictObject({ value: z.string().max(65_536) }),
  reply: z.object({ hash: z.string() }),
})

export const reindex = endpoint({
  method: 'POST',
  path: '/claviger/v1/audit/reindex',
  caller: 'operator',
  summary: 'Make the query index again, from the log',
  reply: z.object({ records: z.int() }),
})

export interface AuditRouteNeeds {
  readonly audit: OpenedAudit
  /** The id of an agent known by this name; the text itself where there is none. */
  readonly agentOf?: (nameOrId: string) => string
}

export function auditRoutes<Who>({ audit, agentOf = (text) => text }: AuditRouteNeeds): BoundEndpoint<Who>[] {
  return [
    bind(listRecords, async ({ query: { limit, agent, ...query } }) => {
      const wanted = { ...query, ...(agent !== undefined && { actor: agentOf(agent) }) }
      const { records, lag } = await find(audit, wanted, limit)
      return { items: records.toReversed().map(shown), size: audit.size(), lag }
    }),
    bind(showRecord, ({ params: { seq } }) => {
      const line = seq < audit.size() ? lineAt(audit.dir, seq) : undefined
      if (line === undefined) throw auditProblem('audit_record_unknown')
      return shown(JSON.parse(line))
    }),
    bind(proof, async ({ query }) => {
      // A record of just now is covered by signing now; proofs are asked for by people, rarely.
      await audit.checkpoint()
      const { seq, size, proof: text } = await proveRecord({ dir: audit.dir, record: query })
      return { seq, size, proof: text }
    }),
    bind(checkpoint, async () => ({ note: await audit.checkpoint() })),
    bind(hashValue, ({ body: { value } }) => ({ hash: audit.redact(value) })),
    bind(reindex, async () => ({ records: (await audit.index?.reindex()) ?? 0 })),
    ...verificationRoutes<Who>(audit),
  ]
}

type Wanted = Parameters<NonNullable<OpenedAudit['index']>['find']>[0]

async function find(audit: OpenedAudit, wanted: Wanted, limit: number) {
  if (audit.index) return await audit.index.find(wanted, limit)
  return { records: await tailRecords(audit.dir, { limit, filter: wanted, size: audit.size() }), lag: 0 }
}

function shown(record: LogRecord): z.output<typeof AnyRecord> {
  return record as unknown as z.output<typeof AnyRecord>
}
