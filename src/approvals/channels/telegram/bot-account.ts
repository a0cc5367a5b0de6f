/** A bot's id stands before the colon of its token, and behind its name where it is shown: two channels on one bot take each other's taps. */
export const botOf = (token: string): string => ` (${token.split(':')[0]})`
export const botIn = (account: string): string => account.slice(account.lastIndexOf(' '))
