// The gateway's own mails, through a server that an operator named. Its invariant: the address is judged, the socket is
// ours, and where TLS is wanted nothing but its greeting and the wish for TLS crosses in clear; names on certificates are
// verified. nodemailer speaks SMTP and writes the message (RFC 5321, RFC 5322, RFC 3207).
import { isIP, type Socket } from 'node:net'
import type { AddressSet } from '../ground/addresses.ts'
import { escapeControls } from '../ground/escape-controls.ts'
import { Problem, problemsOf } from '../ground/problem.ts'
import type { Secret } from '../ground/secret.ts'
import { createConnector } from './connect.ts'
import type { Resolver } from './resolve.ts'

const mailProblems = {
  mail_refused: { status: 422, title: 'The mail server refused' },
  mail_failed: { status: 502, title: 'The mail server did not take the mail' },
} as const

const problem = problemsOf(mailProblems)

export interface MailServer {
  readonly host: string
  readonly port: number
  /** From the first byte, after STARTTLS and never without, or not at all. */
  readonly tls: 'implicit' | 'starttls' | 'off'
  /** Addresses opened beside the public ones, by the operator. */
  readonly allowed?: AddressSet | undefined
  readonly account?: { readonly user: string; readonly password: Secret } | undefined
}

/** Addresses are plain ones: nothing is read into them. */
export interface Mail {
  readonly from: string
  readonly to: string
  readonly subject: string
  readonly text: string
}

/** Rejects with Problem `mail_refused` (for good), `mail_failed` (it may pass), `address_refused`, `upstream_dns_failed`. */
export interface Mailer {
  /** Resolves once the server has taken it. */
  send(server: MailServer, mail: Mail): Promise<void>
  /** Resolves where the server is there, speaks TLS as wanted, and takes the account. */
  verify(server: MailServer): Promise<void>
}

export interface MailerOptions {
  readonly resolver: Resolver
  /** Certificates to trust beside the system's own, PEM. */
  readonly ca?: readonly string[]
  /** For tests that cannot wait; milliseconds. */
  readonly wholeMs?: number
}

const STEP_MS = 10_000
const WHOLE_MS = 30_000

export function createMailer(options: MailerOptions): Mailer {
  return {
    send: (server, mail) =>
      through(options, server, async (transport) => {
        const envelope = { from: mail.from, to: mail.to }
        await transport.sendMail({ ...mail, envelope })
      }),
    verify: (server) => through(options, server, async (transport) => void (await transport.verify())),
  }
}

type Transport = Awaited<ReturnType<typeof transportOver>>

async function through(
  { resolver, ca, wholeMs = WHOLE_MS }: MailerOptions,
  server: MailServer,
  work: (transport: Transport) => Promise<void>,
): Promise<void> {
  const { host, port, allowed } = server
  const address = await resolver.address(host, allowed)
  let socket: Socket | undefined
  let timer: NodeJS.Timeout | undefined
  try {
    socket = await dialled({ address, host, port, secure: false, timeoutMs: STEP_MS })
    // A server that says something all the time is never silent.
    timer = setTimeout(() => socket?.destroy(), wholeMs)
    await work(await transportOver(socket, server, ca))
  } catch (error) {
    throw asProblem(error)
  } finally {
    clearTimeout(timer)
    socket?.destroy()
  }
}

function dialled(options: Parameters<typeof createConnector>[0]): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const wanted = { hostname: options.host, protocol: 'http:', port: String(options.port) }
    createConnector(options)(wanted, (error, socket) => {
      if (error === null) resolve(socket as Socket)
      else reject(error)
    })
  })
}

async function transportOver(connection: Socket, { host, port, tls, account }: MailServer, ca?: readonly string[]) {
  // Loaded by those who are told by mail: it is as much as all of undici.
  const { createTransport } = await import('nodemailer')
  const bare = host.replace(/^\[(.*)\]$/, '$1')
  return createTransport({
    ...{ host: bare, port, connection },
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'off',
    tls: {
      ...(isIP(bare) === 0 && { servername: bare }),
      ...(ca !== undefined && { ca: [...ca] }),
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
    },
    ...(account && { auth: { user: account.user, pass: account.password.reveal().toString('utf8') } }),
    ...{ connectionTimeout: STEP_MS, greetingTimeout: STEP_MS, socketTimeout: STEP_MS },
    ...{ disableFileAccess: true, disableUrlAccess: true },
  })
}

/** What the server said is shown; nothing of ours is in it. */
function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  const { code, response, responseCode = 0 } = Object(error) as Record<string, unknown> & { responseCode?: number }
  const said = typeof response === 'string' ? response : ''
  const detail = escapeControls(said === '' ? String(code ?? 'unknown') : said).slice(0, 200)
  const final = responseCode >= 500 || code === 'EAUTH' || code === 'ETLS'
  return problem(final ? 'mail_refused' : 'mail_failed', { detail })
}
