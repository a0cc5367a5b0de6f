/** The rows of approvals. */
import type { AgentId } from '../ground/ids.ts'
import type { Storage, Tx } from '../storage/storage.ts'
import type { WindowAction } from './action.ts'
import type { Action, Approval, ApprovalId, Status, Verdict } from './contract.ts'
import type { Later } from './later/contract.ts'

interface ApprovalRow {
  readonly id: string
  readonly agent: string
  readonly digest: string
  readonly status: Status
  readonly action: string
  readonly verdicts: string
  readonly token: string
  readonly opened_at: number
  readonly expires_at: number
  readonly used: number
  readonly rid: string | null
  readonly body_key: Uint8Array | null
  readonly content_type: string | null
  readonly idempotency_key: string | null
  readonly receipt: string | null
  readonly offer: string | null
  readonly later: string | null
  readonly answer_key: Uint8Array | null
}

export async function putApproval(tx: Tx, approval: Approval): Promise<void> {
  await tx.put('approvals', {
    id: approval.id,
    agent: approval.agent,
    digest: approval.digest,
    status: approval.status,
    action: JSON.stringify(approval.action),
    verdicts: JSON.stringify(approval.verdicts),
    token: approval.token,
    opened_at: approval.openedAt,
    expires_at: approval.expiresAt,
    used: approval.used,
    rid: approval.rid ?? null,
    body_key: approval.bodyKey ?? null,
    content_type: approval.contentType ?? null,
    idempotency_key: approval.idempotencyKey ?? null,
    receipt: approval.receipt ?? null,
    offer: approval.offer === undefined ? null : JSON.stringify(approval.offer),
    later: approval.later === undefined ? null : JSON.stringify(approval.later),
    answer_key: approval.answerKey ?? null,
  })
}

/** As this transaction sees it, its MAC checked. */
export async function getApproval(tx: Tx, id: ApprovalId): Promise<Approval | undefined> {
  const row = await tx.get<ApprovalRow>('approvals', id)
  return row === undefined ? undefined : approvalOf(row)
}

export const removeApproval = (tx: Tx, id: ApprovalId): Promise<void> => tx.remove('approvals', id)

/** All that are believed, the oldest first. `bad`: ids of rows that other hands changed. */
export async function loadApprovals(storage: Storage): Promise<{ approvals: Approval[]; bad: string[] }> {
  const { rows, bad } = await storage.load<ApprovalRow>('approvals')
  return { approvals: rows.map(approvalOf).sort((one, other) => one.openedAt - other.openedAt), bad }
}

function approvalOf(row: ApprovalRow): Approval {
  return {
    id: row.id as ApprovalId,
    agent: row.agent as AgentId,
    action: JSON.parse(row.action) as Action,
    digest: row.digest,
    status: row.status,
    openedAt: row.opened_at,
    expiresAt: row.expires_at,
    verdicts: JSON.parse(row.verdicts) as Verdict[],
    used: row.used,
    token: row.token,
    rid: row.rid ?? undefined,
    bodyKey: row.body_key ?? undefined,
    contentType: row.content_type ?? undefined,
    idempotencyKey: row.idempotency_key ?? undefined,
    receipt: row.receipt ?? undefined,
    offer: row.offer === null ? undefined : (JSON.parse(row.offer) as WindowAction),
    later: row.later === null ? undefined : (JSON.parse(row.later) as Later),
    answerKey: row.answer_key ?? undefined,
  }
}
