/** E-mail about to be sent: SendGrid's v3 mail/send, and Gmail's messages.send and drafts with a raw message. */
import type { JsonValue } from '../../../ground/strict-json.ts'
import { sha256 } from '../body/decode-body.ts'
import { sniff } from '../body/sniff.ts'
import type { Fact, Preview, Quoted, Warn } from '../shown.ts'
import { counted, plural, visibleLine } from '../visible.ts'
import { type Mail, type MailFile, readMail } from './read-mail.ts'
import {
  type JsonObject,
  jsonOf,
  listFact,
  listOf,
  maybeFact,
  maybeQuote,
  member,
  objectOf,
  type PreviewRequest,
  quote,
  textOf,
} from './request.ts'

const SENDGRID = /^api(?:\.eu)?\.sendgrid\.com$/
/** Members of a mail that are facts or texts of their own. */
const SHOWN = new Set(['personalizations', 'from', 'reply_to', 'subject', 'content', 'attachments', 'template_id'])
const GMAIL = /^\/(?:upload\/)?gmail\/v1\/users\/[^/]+\/(messages\/send|messages\/import|messages|drafts|drafts\/send)$/

export function previewSendgrid(request: PreviewRequest): Preview | undefined {
  const known = SENDGRID.test(request.host) || request.action.service.name === 'sendgrid'
  const mail = known && request.path === '/v3/mail/send' ? jsonOf(request) : undefined
  const groups = listOf(member(mail, 'personalizations')).map(objectOf)
  if (mail === undefined || groups.length === 0) return undefined
  const recipients = groups.flatMap((group, at) => recipientsOf(group, groups.length > 1 ? ` (${at + 1})` : ''))
  const settings = Object.keys(mail).filter((name) => !SHOWN.has(name))
  return {
    of: 'e-mail',
    title: titleOf(
      address(member(mail, 'from')),
      groups.flatMap((group) => addresses(member(group, 'to'))),
      textOf(member(mail, 'subject')),
    ),
    facts: [
      maybeFact('from', address(member(mail, 'from'))),
      ...recipients,
      maybeFact('reply to', address(member(mail, 'reply_to'))),
      maybeFact('subject', member(mail, 'subject')),
      maybeFact('template', member(mail, 'template_id')),
      ...listOf(member(mail, 'attachments')).map(sendgridFile),
      listFact('other settings', settings),
    ].filter((one) => one !== undefined),
    texts: listOf(member(mail, 'content')).flatMap((part) => contentOf(objectOf(part))),
  }
}

function recipientsOf(group: JsonObject | undefined, which: string): Fact[] {
  return [
    ...['to', 'cc', 'bcc'].map((kind) => listFact(`${kind}${which}`, addresses(member(group, kind)))),
    maybeFact(`subject${which}`, member(group, 'subject')),
    maybeFact(`send at${which}`, member(group, 'send_at')),
  ].filter((one) => one !== undefined)
}

function addresses(value: JsonValue | undefined): string[] {
  return listOf(value).flatMap((one) => address(one) ?? [])
}

function address(value: JsonValue | undefined): string | undefined {
  const email = textOf(member(objectOf(value), 'email'))
  const name = textOf(member(objectOf(value), 'name'))
  return email === undefined || name === undefined || name === '' ? email : `${name} <${email}>`
}

function contentOf(part: JsonObject | undefined): Quoted[] {
  return maybeQuote(textOf(member(part, 'type')) ?? 'text', member(part, 'value'))
}

function sendgridFile(value: JsonValue): Fact {
  const file = objectOf(value)
  const bytes = Buffer.from(textOf(member(file, 'content')) ?? '', 'base64')
  return fileFact({ name: textOf(member(file, 'filename')), type: textOf(member(file, 'type')) ?? '', bytes })
}

export function previewGmail(request: PreviewRequest, warn: Warn): Preview | undefined {
  const known =
    request.host === 'gmail.googleapis.com' ||
    request.host === 'www.googleapis.com' ||
    request.action.service.name === 'gmail'
  const what = known && request.action.method === 'POST' ? GMAIL.exec(request.path)?.[1] : undefined
  const bytes = what === undefined ? undefined : rawMessage(request)
  if (what === undefined || bytes === undefined) return undefined
  const mail = readMail(bytes, warn)
  const facts = mailFacts(mail)
  const title = titleOf(mail.from[0], [...mail.to, ...mail.cc, ...mail.bcc], mail.subject)
  const sent = what === 'messages/send' || what === 'drafts/send'
  return {
    of: 'e-mail',
    title: sent ? title : `${title} (put into the mailbox, not sent)`,
    facts,
    texts: mail.texts.map(({ type, text }) => quote(type, text)),
  }
}

/** `raw` of the JSON (base64url), of its `message` for drafts, or an upload of `message/rfc822`. */
function rawMessage(request: PreviewRequest): Buffer | undefined {
  if (request.body?.type.type === 'message/rfc822') return request.body.bytes
  const json = jsonOf(request)
  const raw = textOf(member(json, 'raw')) ?? textOf(member(objectOf(member(json, 'message')), 'raw'))
  return raw === undefined || !/^[A-Za-z0-9_+/=-]+\s*$/.test(raw) ? undefined : Buffer.from(raw, 'base64')
}

function mailFacts(mail: Mail): Fact[] {
  return [
    listFact('from', mail.from),
    listFact('sender', mail.sender),
    listFact('reply to', mail.replyTo),
    listFact('to', mail.to),
    listFact('cc', mail.cc),
    listFact('bcc', mail.bcc),
    maybeFact('subject', mail.subject),
    ...mail.files.map(fileFact),
  ].filter((one) => one !== undefined)
}

function fileFact({ name, type, bytes }: MailFile): Fact {
  const found = sniff(bytes)
  const is = found === 'unknown' ? '' : `, begins as ${found}`
  const about = `${visibleLine(type, 100)}, ${counted(bytes.length)} bytes${is}, SHA-256 ${sha256(bytes)}`
  return { name: 'attachment', value: `${visibleLine(name ?? 'without a name', 300)} (${about})`, kind: 'plain' }
}

function titleOf(from: string | undefined, to: readonly string[], subject: string | undefined): string {
  const first = visibleLine(to[0] ?? 'nobody', 120)
  const others = to.length > 1 ? ` and ${plural(to.length - 1, 'other')}` : ''
  const about = subject === undefined ? '' : `: ${visibleLine(subject, 120)}`
  return `E-mail from ${visibleLine(from ?? 'nobody', 120)} to ${first}${others}${about}`
}
