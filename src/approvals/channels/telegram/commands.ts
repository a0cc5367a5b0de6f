// What the bot answers to what people write. Pure: what to say, and whether the message must go.

export interface Command {
  readonly name: string
  readonly rest: string
}

/** `/pending`, `/pending@bot`, with a line break instead of a blank; undefined for what is no command. */
export function commandOf(text: string): Command | undefined {
  const [, name, rest = ''] = /^\s*\/([A-Za-z_]{1,32})(?:@[A-Za-z0-9_]{1,64})?(?:\s+([\s\S]*))?$/.exec(text) ?? []
  return name === undefined ? undefined : { name: name.toLowerCase(), rest }
}

/** Whether a message is to be deleted at once: it hands a secret over, or looks as if. */
export function mayHoldSecret(text: string): boolean {
  const command = commandOf(text)
  if (command?.name === 'add_secret') return true
  const words = (command?.rest ?? text).split(/\s+/)
  return words.some(
    (word) => /^[\x21-\x7e]{16,}$/.test(word) && /[0-9]/.test(word) && /[A-Za-z]/.test(word) && !isId(word),
  )
}

const isId = (word: string) => /^(?:https?:\/\/|apr_[0-9A-Za-z]{22}$)/.test(word)
