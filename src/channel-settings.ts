// The settings about the ways to reach people.
import { isIP } from 'node:net'
import { z } from 'zod'
import { BREAKS } from './approvals/channels/due.ts'
import { isQuietHours } from './approvals/channels/quiet-hours.ts'
import { addressSet } from './ground/addresses.ts'
import { parseOrigin } from './ground/origin.ts'
import { setting, whole } from './setting-shapes.ts'

const apiRoot = () =>
  z.string().transform((text, context) => {
    try {
      const { scheme } = parseOrigin(text, { anyPort: true })
      if (scheme === 'https' || insideOf(text) !== undefined) return text.replace(/\/$/, '')
    } catch {
      // Said below.
    }
    context.addIssue('an origin such as https://api.telegram.org is wanted; http for a private address alone')
    return z.NEVER
  })

const origins = () =>
  z.string().transform((text, context) => {
    const found = text
      .split(',')
      .map((one) => one.trim())
      .filter((one) => one !== '')
    const read = found.map((one) => apiRoot().safeParse(one).data)
    if (!read.includes(undefined)) return read as string[]
    context.addIssue('origins such as https://push.example.com are wanted, by commas; http for a private address alone')
    return z.NEVER
  })

const contact = () =>
  z
    .string()
    .regex(/^(?:mailto:[^\s@]{1,64}@[^\s@]{1,255}|https:\/\/[^\s]{1,1000})?$/, 'mailto:… or https://… is wanted')
    .transform((text) => (text === '' ? undefined : text))

/** The address that an origin names, if it names one and not a host: an operator's word that it may be dialled. */
export function insideOf(root: string): ReturnType<typeof addressSet> | undefined {
  const host = parseOrigin(root, { anyPort: true }).host.replace(/^\[(.*)\]$/, '$1')
  return isIP(host) === 0 ? undefined : addressSet([host])
}

const quietHours = () =>
  z
    .string()
    .refine(
      (text) => text === '' || isQuietHours(text),
      'hours and a time zone such as 22:00-07:00 Europe/Berlin are wanted',
    )
    .transform((text) => (text === '' ? undefined : text))

export const channelSettings = {
  quietHours: setting(quietHours(), {
    env: 'CLAVIGER_QUIET_HOURS',
    fallback: '',
    doc: 'When no channel tells of what must be approved: `22:00-07:00 Europe/Berlin`. What still waits is told afterwards; nothing is allowed by it. A channel’s own `--quiet` counts in its place.',
  }),
  quietExcept: setting(z.enum(BREAKS, `one of ${BREAKS.join(', ')} is wanted`), {
    env: 'CLAVIGER_QUIET_EXCEPT',
    fallback: 'critical',
    doc: 'The least risk that is told of in quiet hours all the same: `critical`, `high`, or `none` for silence.',
  }),
  escalateAfter: setting(whole(0, 86_400), {
    env: 'CLAVIGER_ESCALATE_AFTER',
    fallback: '0',
    doc: 'Seconds without an answer after which the next channel is told, in the order in which they were added; 0 tells all at once. A channel’s own `--after` counts in its place. Nobody’s answer stays a no.',
  }),
  pushServices: setting(origins(), {
    env: 'CLAVIGER_PUSH_SERVICES',
    fallback: '',
    doc: 'Origins of push services by commas, beside those of Chrome, Firefox, Safari and Edge: `https://push.example.com`, or by its address where that is a private one, `http://10.0.0.5:8090`.',
  }),
  pushContact: setting(contact(), {
    env: 'CLAVIGER_PUSH_CONTACT',
    fallback: '',
    doc: 'Whom a push service may write to, `mailto:…` or `https://…`; CLAVIGER_PUBLIC_URL if not set. Apple’s takes nothing without.',
  }),
  telegramApi: setting(apiRoot(), {
    env: 'CLAVIGER_TELEGRAM_API',
    fallback: 'https://api.telegram.org',
    doc: 'Where the Bot API is that Telegram channels use: another one for a Bot API server of your own, by its address where that is a private one.',
  }),
}
