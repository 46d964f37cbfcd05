//! What time a message means.

use std::sync::LazyLock;

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

use super::scan::Wall;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// The zone of this process: `TZ`, or what the system is set to.
static ZONE: LazyLock<TimeZone> = LazyLock::new(TimeZone::system);

/// Knows what time it is, and the zone of times that name none.
pub(super) struct Clock<'a> {
    pub now_ms: i64,
    zone: &'a TimeZone,
    /// The minute that was last asked for, by the wall's clock, and how far that was ahead of UTC: messages come in their order.
    minute: i64,
    ahead_ms: i64,
}

impl Clock<'static> {
    pub(super) fn new(now_ms: i64) -> Self {
        Clock::with_zone(now_ms, &ZONE)
    }
}

impl<'a> Clock<'a> {
    pub(super) const fn with_zone(now_ms: i64, zone: &'a TimeZone) -> Self {
        Self { now_ms, zone, minute: i64::MIN, ahead_ms: 0 }
    }

    /// Milliseconds since 1970 of a time that names its zone, in minutes east of Greenwich, or means the zone of this process.
    #[inline]
    pub(super) fn millis(&mut self, wall: &Wall, millis: u32, zone: Option<i32>) -> i64 {
        let wall_ms = wall_ms(i64::from(wall.year), wall) + i64::from(millis);
        match zone {
            Some(minutes) => wall_ms - i64::from(minutes) * MINUTE_MS,
            None => self.local(wall_ms),
        }
    }

    /// The same of a time without a year: the one within eleven months before and one month after now.
    pub(super) fn millis_without_year(&mut self, wall: &Wall) -> i64 {
        let (year, ..) = civil(self.now_ms.div_euclid(DAY_MS));
        let this = wall_ms(year, wall);
        let ms = self.local(this);
        // No month has more than 31 days, and no eleven have fewer than 334.
        let plainly = ms <= self.now_ms + 27 * DAY_MS && ms >= self.now_ms - 333 * DAY_MS;
        if plainly {
            ms
        } else if ms > self.now_ms && self.local(add_months(this, -1)) > self.now_ms {
            self.local(wall_ms(year - 1, wall))
        } else if ms < self.now_ms && self.local(add_months(this, 11)) < self.now_ms {
            self.local(wall_ms(year + 1, wall))
        } else {
            ms
        }
    }

    fn local(&mut self, wall_ms: i64) -> i64 {
        let minute = wall_ms.div_euclid(MINUTE_MS);
        if minute != self.minute {
            self.minute = minute;
            self.ahead_ms = ahead_ms(minute * MINUTE_MS, self.zone).unwrap_or(0);
        }
        wall_ms - self.ahead_ms
    }
}

/// How far a zone is ahead of UTC at a time by its own clock. Of two such times the later is meant, and of none the one that it would have been, both
/// as in Java.
fn ahead_ms(wall_ms: i64, zone: &TimeZone) -> Option<i64> {
    let wall: DateTime = TimeZone::UTC.to_datetime(Timestamp::from_millisecond(wall_ms).ok()?);
    let meant = zone.to_ambiguous_timestamp(wall).later().ok()?;
    Some(wall_ms - meant.as_millisecond())
}

/// Milliseconds from 1970 by the wall's clock.
#[inline]
fn wall_ms(year: i64, wall: &Wall) -> i64 {
    let minutes = 60 * i64::from(wall.hour) + i64::from(wall.minute);
    days(year, i64::from(wall.month), i64::from(wall.day)) * DAY_MS
        + minutes * MINUTE_MS
        + 1000 * i64::from(wall.second)
}

/// The same time so many months later, on the last day of the month where it has no such day.
fn add_months(wall_ms: i64, months: i64) -> i64 {
    let day = wall_ms.div_euclid(DAY_MS);
    let (year, month, day_of_month) = civil(day);
    let first = days(year, month + months, 1);
    let length = days(year, month + months + 1, 1) - first;
    (first + day_of_month.min(length) - 1 - day) * DAY_MS + wall_ms
}

/// Days from 1970 to a date; months and days may be any.
#[inline]
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the leap day is the last.
    let months = 12 * year + month - 3;
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12));
    365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (153 * month + 2) / 5 + day
        - 719_469
}

/// The year, month and day of a number of days from 1970.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let months = 12 * (400 * era + year) + month + 2;
    (months.div_euclid(12), months.rem_euclid(12) + 1, day_of_year - (153 * month + 2) / 5 + 1)
}
