/** What the receipt of an approval says. Pure. */
import type { Approval, Verdict } from '../contract.ts'
import type { ReceiptClaims } from './contract.ts'

const seconds = (ms: number) => Math.floor(ms / 1_000)

/** Of one that was just decided: `approval` as it is after the verdict; `window`: id of the one that the same yes opened. */
export function claimsOf(approval: Approval, issuer: string, jti: string, window?: string): ReceiptClaims {
  const { id, digest, action, verdicts, status } = approval
  const verdict = status === 'denied' ? 'denied' : 'approved'
  const answers = verdicts.filter((one) => one.verdict === verdict)
  const yes = { exp: seconds(approval.expiresAt), uses: action.terms.uses }
  return {
    iss: issuer,
    jti,
    iat: seconds(answers.at(-1)?.at ?? approval.openedAt),
    ...(verdict === 'approved' && yes),
    approval: id,
    digest,
    kind: action.kind,
    agent: { id: action.agent.id, name: action.agent.name },
    ...(action.kind === 'stated' && { action: action.action, payloadHash: action.payloadHash }),
    ...(window !== undefined && { window }),
    verdict,
    assurance: action.terms.assurance,
    approvers: answers.map(approverOf),
    assertions: answers.flatMap(({ assertion }) =>
      assertion === undefined ? [] : [{ credentialId: assertion.credentialId, sha256: assertion.sha256 }],
    ),
  }
}

const approverOf = ({ operator, name, assurance, at, channel }: Verdict) => {
  return { id: operator, name, assurance, at: seconds(at), channel }
}
