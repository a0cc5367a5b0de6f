// Mails that lead to the page. Nothing is answered by mail, so there is nothing to listen for.
import type { Clock } from '../../../ground/clock.ts'
import { Problem } from '../../../ground/problem.ts'
import type { Secret } from '../../../ground/secret.ts'
import type { Mailer } from '../../../http/mail.ts'
import { channelProblem, type Person, type Question, type Way } from '../contract.ts'
import { openAccount } from './account.ts'
import { type Letter, letterAbout, TRIAL } from './letter.ts'

export interface EmailOptions {
  readonly clock: Clock
  readonly mailer: Mailer
  /** Opened for each mail. */
  readonly account: () => Secret
}

export class Email implements Way {
  readonly taps = false
  readonly #options: EmailOptions

  constructor(options: EmailOptions) {
    this.#options = options
  }

  start(): void {}

  stop(): void {}

  async ask({ place }: Person, { approval, page }: Question): Promise<{ message: string; dated: number }> {
    await this.#send(place, letterAbout(approval, page))
    return { message: approval.id, dated: this.#options.clock.now() }
  }

  /** A mail cannot be taken back, and a second one would say nothing. */
  async tell(): Promise<void> {}

  async say({ place }: Person): Promise<void> {
    await this.#send(place, TRIAL)
  }

  /** What is no question. */
  write(to: string, letter: Letter): Promise<void> {
    return this.#send(to, letter)
  }

  async #send(to: string, letter: Letter): Promise<void> {
    const { server, from } = openAccount(this.#options.account())
    try {
      await this.#options.mailer.send(server, { from, to, ...letter })
    } catch (error) {
      throw asChannelProblem(error)
    } finally {
      server.account?.password.wipe()
    }
  }
}

/** Throws Problems `channel_refused`, `channel_unreachable`. */
export async function seenToWork(mailer: Mailer, account: Secret): Promise<void> {
  const { server } = openAccount(account)
  try {
    await mailer.verify(server)
  } catch (error) {
    throw asChannelProblem(error)
  } finally {
    server.account?.password.wipe()
  }
}

function asChannelProblem(error: unknown): unknown {
  if (!(error instanceof Problem) || error.code === 'vault_sealed') return error
  const refused = error.code === 'mail_refused' || error.code === 'address_refused'
  const detail = error.message === '' ? error.title : error.message
  return channelProblem(refused ? 'channel_refused' : 'channel_unreachable', { detail })
}
