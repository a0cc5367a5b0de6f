import type { Approval, ApprovalDetail, ApprovalView } from './contract.ts'
import type { Later } from './later/contract.ts'

const iso = (ms: number) => new Date(ms).toISOString()

export function viewOf({
  id,
  status,
  agent,
  action,
  digest,
  openedAt,
  expiresAt,
  verdicts,
  used,
  later,
}: Approval): ApprovalView {
  const last = status === 'pending' ? undefined : verdicts.at(-1)
  return {
    id,
    status,
    agent: { id: agent, name: action.agent.name },
    kind: action.kind,
    says: titleOf(action),
    digest,
    assurance: action.terms.assurance,
    openedAt: iso(openedAt),
    expiresAt: iso(expiresAt),
    decidedAt: last && iso(last.at),
    decidedBy: last?.name,
    reason: last?.comment,
    uses: { used, of: action.terms.uses },
    sending: later && viewOfLater(later),
  }
}

export function detailOf(approval: Approval, seen: Pick<ApprovalDetail, 'shown' | 'text' | 'window'>): ApprovalDetail {
  const answers = approval.verdicts.map(({ name, verdict, assurance, channel, at, comment }) => {
    return { name, verdict, assurance, channel, at: iso(at), comment }
  })
  return { ...viewOf(approval), action: { ...approval.action }, ...seen, answers }
}

const viewOfLater = ({ state, code, at }: Later) => ({ state, code, at: at === undefined ? undefined : iso(at) })

/** In one line, of facts alone. */
function titleOf(action: Approval['action']): string {
  if (action.kind === 'call') return `${action.method} ${action.origin}${action.path}`
  if (action.kind === 'stated') return action.action
  const { method, origin, path = '', terms } = action
  return `${terms.uses} × ${action.action ?? `${method} ${origin}${path}`} on ${action.service.name}`
}
