// The settings about the ways to reach people.
import { isIP } from 'node:net'
import { z } from 'zod'
import { addressSet } from './ground/addresses.ts'
import { parseOrigin } from './ground/origin.ts'
import { setting } from './setting-shapes.ts'

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

/** The address that an origin names, if it names one and not a host: an operator's word that it may be dialled. */
export function insideOf(root: string): ReturnType<typeof addressSet> | undefined {
  const host = parseOrigin(root, { anyPort: true }).host.replace(/^\[(.*)\]$/, '$1')
  return isIP(host) === 0 ? undefined : addressSet([host])
}

export const channelSettings = {
  telegramApi: setting(apiRoot(), {
    env: 'CLAVIGER_TELEGRAM_API',
    fallback: 'https://api.telegram.org',
    doc: 'Where the Bot API is that Telegram channels use: another one for a Bot API server of your own, by its address where that is a private one.',
  }),
}
