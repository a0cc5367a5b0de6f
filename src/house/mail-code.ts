// The code by which somebody proves that an address is theirs, sent there by the first e-mail channel, if there is one.

import { Email } from '../approvals/channels/email/email.ts'
import { codeLetter } from '../approvals/channels/email/letter.ts'
import { purposeOf } from '../approvals/channels/ways.ts'
import { createMailer } from '../http/mail.ts'
import { createResolver } from '../http/resolve.ts'
import type { Rooms } from '../rooms.ts'

/** At once: whoever registers does not wait for it, and does not learn whether it could be sent. */
export function mailCode({ channels, clock, vault, people, log }: Rooms, id: string, address: string): void {
  const channel = channels.list().find(({ kind }) => kind === 'email')
  if (channel === undefined) return
  const account = () => vault.openKey(purposeOf(channel.id), channel.sealedSecret)
  const mailer = createMailer({ resolver: createResolver({ clock }) })
  new Email({ clock, mailer, account })
    .write(address, codeLetter(people.members.codeOf(id)))
    .catch((error: unknown) => log.warn({ err: error as Error, request: id }, 'a code could not be mailed'))
}
