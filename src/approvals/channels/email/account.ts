// A mail account, as a channel keeps it: sealed whole, so that nobody points a password at another server.
import { z } from 'zod'
import { addressSet } from '../../../ground/addresses.ts'
import { Secret } from '../../../ground/secret.ts'
import type { MailServer } from '../../../http/mail.ts'

const MAIL_ADDRESS =
  /^[A-Za-z0-9!#$%&'*+/=?^_{|}~-]{1,64}(?:\.[A-Za-z0-9!#$%&'*+/=?^_{|}~-]{1,64}){0,8}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){0,8}[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i

/** A plain one (RFC 5321): no name before it, no quotes, no comment, no second one. */
export const MailAddress = z
  .string()
  .max(254)
  .regex(MAIL_ADDRESS, 'one plain address such as ann@example.com is wanted')

const Host = z
  .string()
  .max(253)
  .regex(
    /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])$/,
    'a host name or an address is wanted, in small letters',
  )

/** What a new one is made of. TLS: after STARTTLS if not said, at port 465 from the first byte. */
export const MailAccount = z.strictObject({
  host: Host,
  port: z.int().min(1).max(65_535).optional(),
  tls: z.enum(['implicit', 'starttls', 'off']).optional(),
  /** Addresses and ranges that its name may stand for beside public ones. */
  allow: z.array(z.string().max(64)).max(8).optional(),
  user: z.string().min(1).max(256).optional(),
  password: z.string().min(1).max(1_024).optional(),
  from: MailAddress,
})
export type MailAccount = z.output<typeof MailAccount>

const SUBMISSION_PORT = 587
const IMPLICIT_PORT = 465
const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])$/

/** Whether nothing of it crosses a network in clear. */
export function isSafe(account: MailAccount): boolean {
  return tlsOf(account) !== 'off' || LOOPBACK.test(account.host)
}

/** Whether user and password stand together. */
export const isWhole = ({ user, password }: MailAccount): boolean => (user === undefined) === (password === undefined)

export const accountName = ({ host, port, from }: MailAccount): string =>
  `${from} by ${host}:${port ?? SUBMISSION_PORT}`

export const sealable = (account: MailAccount): Secret => Secret.fromText(JSON.stringify(account))

/** What was sealed, opened for one mail. */
export function openAccount(secret: Secret): { readonly server: MailServer; readonly from: string } {
  const account = MailAccount.parse(JSON.parse(secret.reveal().toString('utf8')))
  secret.wipe()
  const { host, port = SUBMISSION_PORT, user, password, from, allow = [] } = account
  const known = user === undefined || password === undefined ? undefined : { user, password: Secret.fromText(password) }
  // An address is an operator's own word that it may be dialled; a name may stand for another one tomorrow.
  const literal = host.replace(/^\[(.*)\]$/, '$1')
  const open = /^[0-9.]+$|:/.test(literal) ? [literal, ...allow] : allow
  const allowed = open.length === 0 && !LOOPBACK.test(host) ? undefined : addressSet([...open, ...loopbackOf(host)])
  return { server: { host, port, tls: tlsOf(account), allowed, account: known }, from }
}

const loopbackOf = (host: string): string[] => (host === 'localhost' ? ['127.0.0.1', '::1'] : [])

function tlsOf({ host, port, tls }: MailAccount): MailServer['tls'] {
  if (tls !== undefined) return tls
  if (port === IMPLICIT_PORT) return 'implicit'
  return LOOPBACK.test(host) ? 'off' : 'starttls'
}
