import { createHash, randomBytes } from 'node:crypto'
import { NAME_PATTERN } from '../identity/contract.ts'

/**
 * What the agent of a bot is called: like the bot, where that is a name and nobody's. Never that of another agent: a bot gets
 * nothing that somebody else was given.
 */
export function botAgentName(bot: string, isTaken: (name: string) => boolean): string {
  if (NAME_PATTERN.test(bot) && !isTaken(bot)) return bot
  const plain = bot
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 24)
    .replaceAll(/^-+|-+$/g, '')
  const mark = createHash('sha256').update(bot).digest('hex').slice(0, 8)
  const name = `bot-${plain === '' ? '' : `${plain}-`}${mark}`
  return isTaken(name) ? `${name}-${randomBytes(6).toString('hex')}` : name
}
