import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import type { Issued } from './certificates.ts'

export interface Received {
  readonly from: string
  readonly to: readonly string[]
  /** The message, as it came in. */
  readonly text: string
  readonly secure: boolean
  readonly user: string | undefined
}

export interface MailServerOptions {
  /** A free one if not said. */
  readonly port?: number
  /** From the first byte. */
  readonly secure?: boolean
  /** Without one there is no TLS. */
  readonly certificate?: Issued
  readonly account?: { readonly user: string; readonly password: string }
  /** What it says to every recipient instead of taking the mail. */
  readonly refuses?: { readonly code: number; readonly says: string }
}

/** Somebody else's SMTP server (npm `smtp-server`) on loopback, which keeps what it takes. */
export class MailServer implements AsyncDisposable {
  readonly received: Received[] = []
  /** Of sign-ins, taken or not. */
  signIns = 0
  port = 0
  readonly #server: SMTPServer

  private constructor({ secure = false, certificate, account, refuses }: MailServerOptions) {
    this.#server = new SMTPServer({
      secure,
      authOptional: account === undefined,
      allowInsecureAuth: true,
      disabledCommands: certificate === undefined ? ['STARTTLS'] : [],
      ...(certificate && { key: readFileSync(certificate.key), cert: readFileSync(certificate.cert) }),
      onAuth: ({ username, password }, _session, done) => {
        this.signIns += 1
        if (username === account?.user && password === account?.password) return done(null, { user: username })
        done(new Error('wrong account'))
      },
      onRcptTo: (_address, _session, done) =>
        done(refuses === undefined ? null : Object.assign(new Error(refuses.says), { responseCode: refuses.code })),
      onData: (stream, session, done) => {
        const chunks: Buffer[] = []
        stream.on('data', (chunk: Buffer) => chunks.push(chunk))
        stream.on('end', () => {
          const { mailFrom, rcptTo } = session.envelope
          this.received.push({
            from: mailFrom === false ? '' : mailFrom.address,
            to: rcptTo.map(({ address }) => address),
            text: Buffer.concat(chunks).toString('utf8'),
            secure: session.secure,
            user: session.user as string | undefined,
          })
          done()
        })
      },
    })
    this.#server.on('error', () => {})
  }

  static async start(options: MailServerOptions = {}): Promise<MailServer> {
    const server = new MailServer(options)
    const listening = server.#server.listen(options.port ?? 0, '127.0.0.1')
    if (!listening.listening) await once(listening, 'listening')
    server.port = (listening.address() as AddressInfo).port
    return server
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }
}
