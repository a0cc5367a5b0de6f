import { type Channel, channelProblem } from './contract.ts'
import { botIn } from './telegram/bot-account.ts'

const MOST = 20

/** Throws Problems `channel_limit`, `channel_name_taken`, `channel_account_taken`. */
export function refuseTaken({ kind, name, account }: Channel, all: readonly Channel[]): void {
  if (all.length >= MOST) throw channelProblem('channel_limit')
  if (all.some((one) => one.name === name)) throw channelProblem('channel_name_taken')
  if (all.some((one) => one.kind === kind && isSame(one, account))) throw channelProblem('channel_account_taken')
}

/** One bot, one key of pushes; mail accounts as many as there are. */
const isSame = ({ kind, account }: Channel, other: string) =>
  kind === 'push' || (kind === 'telegram' && botIn(account) === botIn(other))
