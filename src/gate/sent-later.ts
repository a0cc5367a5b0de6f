import type { ApprovalStanding } from './rooms.ts'

/**
 * Thrown where an admission would be: a human is asked, the caller left, and the call is sent for it once there is a yes. No
 * Problem: nothing was refused, and no denial is on record.
 */
export class SentLater extends Error {
  override readonly name = 'SentLater'
  readonly approval: string
  readonly status: ApprovalStanding['status']
  /** Milliseconds since 1970. */
  readonly expiresAt: number

  constructor({ id, status, expiresAt }: ApprovalStanding) {
    super('the call is sent later')
    this.approval = id
    this.status = status
    this.expiresAt = expiresAt
  }
}
