/** Times as people say them: "5 minutes ago", with the exact time in the reader's own zone on hover. */

// Each unit, how many of it are told, and how many make one of the next: 45 days are more exact than "next month".
const STEPS: readonly (readonly [Intl.RelativeTimeFormatUnit, number, number])[] = [
  ["second", 60, 60],
  ["minute", 60, 60],
  ["hour", 24, 24],
  ["day", 60, 30],
  ["month", 24, 12],
];
const RECENT_SECONDS = 10;

/** Return how long ago a moment was, or how far ahead it is; both in unix milliseconds. */
export function relative(moment: number, now: number, locale = "en"): string {
  const words = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  let amount = (moment - now) / 1000;
  if (Math.abs(amount) < RECENT_SECONDS) {
    return "just now";
  }
  for (const [unit, most, size] of STEPS) {
    if (Math.abs(Math.round(amount)) < most) {
      return words.format(Math.round(amount), unit);
    }
    amount /= size;
  }
  return words.format(Math.round(amount), "year");
}

/** Return a duration in milliseconds as people write it: `42s`, `3m 05s`, `1h 02m`. */
export function duration(millis: number): string {
  const seconds = Math.max(0, Math.floor(millis / 1000));
  const two = (number: number): string => String(number).padStart(2, "0");
  if (seconds < 60) {
    return `${String(seconds)}s`;
  }
  if (seconds < 3600) {
    return `${String(Math.floor(seconds / 60))}m ${two(seconds % 60)}s`;
  }
  return `${String(Math.floor(seconds / 3600))}h ${two(Math.floor(seconds / 60) % 60)}m`;
}

/** Show every time of a part of the page relative to now. */
export function showTimes(root: ParentNode, now = Date.now()): void {
  for (const element of root.querySelectorAll<HTMLTimeElement>("time[datetime]")) {
    const moment = Date.parse(element.dateTime);
    if (Number.isNaN(moment)) {
      continue;
    }
    if (element.hasAttribute("data-elapsed")) {
      element.textContent = duration(now - moment);
    } else if (!element.hasAttribute("data-exact")) {
      element.title = new Date(moment).toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" });
      element.textContent = relative(moment, now);
    }
  }
}
