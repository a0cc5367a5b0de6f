// The settings of the ClawGate door.
import { z } from 'zod'
import { type Party, partyAt } from './identity/people/party.ts'
import { onOff, setting, whole } from './setting-shapes.ts'

const items = (text: string) => text.split(',').flatMap((item) => (item.trim() === '' ? [] : [item.trim()]))

/** As browsers write it, to the letter: what looks like one and is none would never be equal to one. */
function isOrigin(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return (url?.protocol === 'https:' || url?.protocol === 'http:') && url.origin === text
}

const origins = () =>
  z
    .string()
    .transform(items)
    .pipe(z.array(z.string().refine(isOrigin, 'origins are wanted, like https://app.example.com; there is no `*`')))

/** Passkeys are good for a host name: the page's own, or one that it lies under (WebAuthn L3 §5.1.3). */
const passkeyParties = () =>
  z.string().transform((text, context): readonly Party[] =>
    items(text).map((item) => {
      const [origin = '', rpId] = item.split('=')
      const party = isOrigin(origin) ? partyAt(origin) : undefined
      const secure = party !== undefined && (origin.startsWith('https:') || party.thisMachineOnly)
      const over =
        rpId === undefined || party?.rpId === rpId || (rpId.includes('.') && party?.rpId.endsWith(`.${rpId}`))
      if (party !== undefined && secure && over) return { ...party, rpId: rpId ?? party.rpId }
      context.addIssue(`${item}: https://app.example.com or https://app.example.com=example.com is wanted`)
      return z.NEVER
    }),
  )

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
  clawgateOwnersApprove: setting(onOff(), {
    env: 'CLAVIGER_CLAWGATE_OWNERS_APPROVE',
    fallback: 'on',
    doc: 'Whether the operator who answers for an agent may approve what it states that it does itself, at that door and natively; `off` wants somebody else.',
  }),
  clawgateOrigins: setting(origins(), {
    env: 'CLAVIGER_CLAWGATE_ORIGINS',
    fallback: '',
    doc: 'Origins of web pages that may use that door and read its answers, by commas. What comes from other pages is refused.',
  }),
  clawgatePasskeyOrigins: setting(passkeyParties(), {
    env: 'CLAVIGER_CLAWGATE_PASSKEY_ORIGINS',
    fallback: '',
    doc: 'Web pages besides the operators’ own where passkeys may be used with that door: `https://app.example.com`, or `https://app.example.com=example.com` where they are good for the name behind `=`.',
  }),
  clawgateRegistration: setting(
    z
      .string()
      .toLowerCase()
      .pipe(z.enum(['closed', 'invited', 'open'], 'closed, invited or open is wanted')),
    {
      env: 'CLAVIGER_CLAWGATE_REGISTRATION',
      fallback: 'closed',
      doc: 'Who may register at that door without being an operator, for agents and keys of their own: nobody (`closed`), whom an operator invited (`invited`), whoever proves an address (`open`).',
    },
  ),
  clawgateAccountPerMinute: setting(whole(1, 99_999), {
    env: 'CLAVIGER_CLAWGATE_ACCOUNT_PER_MINUTE',
    fallback: '30',
    doc: 'Attempts in any 60 seconds to register, sign in or recover at that door that are about one person, from wherever they come; more are answered 429.',
  }),
  clawgateVerifyPerMinute: setting(whole(1, 99_999), {
    env: 'CLAVIGER_CLAWGATE_VERIFY_PER_MINUTE',
    fallback: '600',
    doc: 'Tokens that one address may have verified at that door in any 60 seconds, and as many that are about one agent; more are answered 429.',
  }),
}
