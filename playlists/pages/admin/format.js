// Numbers and times as people read them.

/** `12 s`, `4 min 5 s`, `3 h 10 min`, `2 d 4 h`. */
export function seconds(value) {
  if (!Number.isFinite(value)) return '–';
  if (value > 0 && value < 10) return `${value.toFixed(1)} s`;
  const whole = Math.round(value);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600)
    return `${Math.floor(whole / 60)} min${whole % 60 > 0 && whole < 600 ? ` ${whole % 60} s` : ''}`;
  const minutes = Math.round(whole / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h${minutes % 60 > 0 ? ` ${minutes % 60} min` : ''}`;
  const hours = Math.round(minutes / 60);
  return `${Math.floor(hours / 24)} d${hours % 24 > 0 ? ` ${hours % 24} h` : ''}`;
}

/** `1:02:03` or `2:03`: a moment of a video. */
export function clock(value) {
  const whole = Math.max(0, Math.round(value));
  const two = (number) => String(number).padStart(2, '0');
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** `1,234`. */
export const count = (value) => Math.round(value).toLocaleString('en');

/** `1 video`, `2 videos`. */
export const counted = (value, one, many = `${one}s`) =>
  `${count(value)} ${Math.round(value) === 1 ? one : many}`;

/** `62 %`. */
export const percent = (part) => (Number.isFinite(part) ? `${Math.round(part * 100)} %` : '–');

/** `1.2 MB`, in powers of 1000. */
export function bytes(value) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let unit = 0;
  let rest = value;
  for (; rest >= 999.5 && unit < units.length - 1; unit += 1) rest /= 1000;
  return `${rest >= 99.5 || unit === 0 ? Math.round(rest) : rest.toPrecision(2)} ${units[unit]}`;
}

/** A figure in few characters: `0.42`, `7.3`, `1,234`, `12k`. */
export function short(value) {
  if (value >= 100_000) return `${Math.round(value / 1000)}k`;
  if (value >= 100 || Number.isInteger(value)) return count(value);
  return value >= 10 ? value.toFixed(1) : value.toPrecision(2);
}

/** A moment of the day: `14:02:31`. */
export const timeOfDay = (at) => new Date(at).toLocaleTimeString([], { hourCycle: 'h23' });

/** The same without seconds, for scales. */
export const hourAndMinute = (at) =>
  new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

/** How long ago a moment is, in one unit: `now`, `12 s`, `5 min`, `3 h`, `2 d`. */
export function ago(at, now = Date.now()) {
  const value = Math.max(0, (now - at) / 1000);
  if (value < 2) return 'now';
  if (value < 90) return `${Math.round(value)} s`;
  if (value < 5400) return `${Math.round(value / 60)} min`;
  if (value < 129_600) return `${Math.round(value / 3600)} h`;
  return `${Math.round(value / 86_400)} d`;
}
