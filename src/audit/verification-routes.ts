/** Endpoints to check the whole log, macs included, while the gateway goes on: begun, and asked for until it is done. */
import { z } from 'zod'
import { type BoundEndpoint, bind, endpoint } from '../http/endpoint.ts'
import type { OpenedAudit } from './audit.ts'
import { auditProblem, auditProblems } from './contract.ts'

const MOST_NOTES = 64

const Report = z.object({
  /** 0 good · 1 damage or tampering proven · 2 cannot decide. */
  exit: z.union([z.literal(0), z.literal(1), z.literal(2)]),
  records: z.int(),
  root: z.string(),
  firstBadSeq: z.int().optional(),
  findings: z.array(z.object({ seq: z.int().optional(), detail: z.string() })),
  undecided: z.array(z.string()),
  notes: z.array(
    z.object({
      name: z.string(),
      size: z.int(),
      signature: z.enum(['good', 'bad', 'unknown']),
      consistent: z.boolean(),
    }),
  ),
  macs: z.object({ checked: z.int(), none: z.int() }),
  openIntents: z.int(),
  tornBytes: z.int(),
  keySource: z.enum(['given', 'vault', 'directory', 'none']),
})

const View = z.object({
  state: z.enum(['running', 'done', 'failed']),
  startedAt: z.int(),
  endedAt: z.int().optional(),
  report: Report.optional(),
  why: z.string().optional(),
})

export const startVerification = endpoint({
  method: 'POST',
  path: '/claviger/v1/audit/verification',
  caller: 'operator',
  role: 'auditor',
  summary: 'Begin to check the whole log, macs included, while the gateway goes on',
  body: z.strictObject({
    /** Checkpoints kept outside: only these find a log that was rewritten together with its keys. */
    notes: z
      .array(z.strictObject({ name: z.string().max(1_024), text: z.string().max(16_384) }))
      .max(MOST_NOTES)
      .optional(),
    /** The log's verifier key; without it the one of the open vault. */
    vkey: z.string().max(1_024).optional(),
    /** Also every checkpoint published beside the log. */
    full: z.boolean().optional(),
  }),
  reply: View,
  status: 202,
  problems: auditProblems,
})

export const showVerification = endpoint({
  method: 'GET',
  path: '/claviger/v1/audit/verification',
  caller: 'operator',
  summary: 'How far the newest check of the whole log is, and its report',
  reply: View,
  problems: auditProblems,
})

export function verificationRoutes<Who>({ verification }: OpenedAudit): BoundEndpoint<Who>[] {
  return [
    bind(startVerification, ({ body }) => view(needed(verification).start(body))),
    bind(showVerification, () => {
      const newest = needed(verification).view
      if (newest === undefined) throw auditProblem('audit_verification_unknown')
      return view(newest)
    }),
  ]
}

/** A log that is closed for damage has none; then the vault is sealed, and nobody comes here. */
function needed(verification: OpenedAudit['verification']) {
  if (verification === undefined) throw auditProblem('audit_unavailable')
  return verification
}

function view(shown: NonNullable<NonNullable<OpenedAudit['verification']>['view']>): z.input<typeof View> {
  const { report, ...rest } = shown
  if (report === undefined) return rest
  const { findings, undecided, notes } = report
  return { ...rest, report: { ...report, findings: [...findings], undecided: [...undecided], notes: [...notes] } }
}
