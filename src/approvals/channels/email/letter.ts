// What is written in a mail. Pure. A mail lies in many hands, and what it says is read as words of the gateway: so it holds a
// link and two names, and no more of what an agent said.
import type { Approval } from '../../contract.ts'
import type { Page } from '../contract.ts'

export interface Letter {
  readonly subject: string
  readonly text: string
}

const MOST_OF_A_NAME = 64

export function letterAbout({ id, action, expiresAt }: Approval, page: Page | undefined): Letter {
  const service = 'service' in action ? `, for ${named(action.service.name)}` : ''
  const asks = `The agent ${named(action.agent.name)} asks${service}.`
  const here = page?.thisMachineOnly === true ? ' (on the machine of the gateway)' : ''
  const where = page === undefined ? [`claviger approval show ${id}`] : [`${page.url}${here}`]
  return {
    subject: `Claviger: ${named(action.agent.name)} asks`,
    text: [
      asks,
      '',
      'Look at it, and answer:',
      ...where,
      '',
      `It ends at ${new Date(expiresAt).toISOString()}. Nobody's answer is a no, and an answer to this mail is none.`,
      '',
    ].join('\r\n'),
  }
}

/** Nobody may have asked for it but who knows the address. */
export function codeLetter(code: string): Letter {
  const text = [
    `Your code is ${code}`,
    '',
    'Somebody gave this address to a Claviger gateway. If it was not you, do nothing: without the code nothing comes of it.',
    '',
  ]
  return { subject: 'Claviger: your code', text: text.join('\r\n') }
}

export const TRIAL: Letter = {
  subject: 'Claviger: test',
  text: 'Questions will come here. An answer to a mail is none: they are answered on the page that it leads to.\r\n',
}

/** Letters, digits and spaces: programs make links of anything else. */
function named(name: string): string {
  const plain = name.replaceAll(/[^\p{L}\p{N} _-]/gu, '·')
  const cut = [...plain].slice(0, MOST_OF_A_NAME).join('')
  return `"${cut}${cut.length < plain.length ? '…' : ''}"`
}
