// The settings of the ClawGate door.
import { onOff, setting, whole } from './setting-shapes.ts'

export const clawgateSettings = {
  clawgateDoor: setting(onOff(), {
    env: 'CLAVIGER_CLAWGATE',
    fallback: 'on',
    doc: 'The dialect of ClawGate (`/api/v1/approval/…`) on the agent listener.',
  }),
  clawgateApprovers: setting(whole(1, 2), {
    env: 'CLAVIGER_CLAWGATE_APPROVERS',
    fallback: '1',
    doc: 'How many different operators must approve what is asked for at that door, each with a passkey.',
  }),
  clawgateVerifyPerMinute: setting(whole(1, 99_999), {
    env: 'CLAVIGER_CLAWGATE_VERIFY_PER_MINUTE',
    fallback: '600',
    doc: 'Tokens that one address may have verified at that door in any 60 seconds; more are answered 429.',
  }),
}
