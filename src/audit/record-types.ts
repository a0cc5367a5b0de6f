const FIXED = new Set([
  'intent',
  'outcome',
  'deny',
  'auth',
  'grant',
  'revoke',
  'config',
  'seal',
  'boot',
  'recover',
  'anchor',
  'prune',
  'restore.accepted',
  'echo',
  'export',
])

const FAMILY = /^(?:approval|secret|key|rule)\.[a-z0-9_]+(?:\.[a-z0-9_]+)*$/

/** What may be written while the vault is sealed, so without a mac. Everything else without one is a forgery. */
const WITHOUT_MAC = new Set([
  'key.initialised',
  'boot',
  'recover',
  'seal',
  'anchor',
  'outcome',
  'deny',
  'auth',
  'restore.accepted',
])

/** Whether the log knows records of this type. A verifier refuses the others: it could not say what they mean. */
export function isRecordType(type: string): boolean {
  return FIXED.has(type) || (type.length <= 64 && FAMILY.test(type))
}

export function mayLackMac(type: string): boolean {
  return WITHOUT_MAC.has(type)
}

/** What may use the reserve when the disk is full: taking away authority, and the ends of what had begun. */
const WITH_RESERVE = new Set([
  'revoke',
  'approval.withdrawn',
  'approval.window_ended',
  'key.signing_revoked',
  'key.receipt_compromised',
  'seal',
  'outcome',
  'boot',
  'recover',
])

export function mayUseReserve(type: string): boolean {
  return WITH_RESERVE.has(type)
}

/** Node and boot ids stand in each line unescaped. */
export function isLogName(text: string): boolean {
  return /^[0-9A-Za-z_-]{1,64}$/.test(text)
}
