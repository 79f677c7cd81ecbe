//! The sums of the CRC catalogue, by its names.

use crc::{Algorithm, Crc, Table};

/// Whether the catalogue has a CRC of this name, of whole bytes.
pub(crate) fn is_known(name: &str) -> bool {
    find(name).is_some()
}

/// The sum of `bytes`, in the byte order of the catalogue: one that is reflected begins with its lowest byte.
pub(crate) fn sum(name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    Some(match find(name)? {
        Found::Of8(algorithm) => written(algorithm, Crc::<u8, Table<0>>::new(algorithm).checksum(bytes).into()),
        Found::Of16(algorithm) => written(algorithm, Crc::<u16, Table<0>>::new(algorithm).checksum(bytes).into()),
        Found::Of32(algorithm) => written(algorithm, Crc::<u32, Table<0>>::new(algorithm).checksum(bytes).into()),
        Found::Of64(algorithm) => written(algorithm, Crc::<u64, Table<0>>::new(algorithm).checksum(bytes)),
    })
}

fn written<W: crc::Width>(algorithm: &Algorithm<W>, sum: u64) -> Vec<u8> {
    let size = usize::from(algorithm.width / 8);
    if algorithm.refout { sum.to_le_bytes()[..size].to_vec() } else { sum.to_be_bytes()[8 - size..].to_vec() }
}

#[derive(Clone, Copy)]
enum Found {
    Of8(&'static Algorithm<u8>),
    Of16(&'static Algorithm<u16>),
    Of32(&'static Algorithm<u32>),
    Of64(&'static Algorithm<u64>),
}

macro_rules! catalogue {
    ($($kind:ident: $($name:ident)*;)*) => {
        const CATALOGUE: &[(&str, Found)] = &[$($((stringify!($name), Found::$kind(&crc::$name)),)*)*];
    };
}

/// The crate has no names but those of its constants, in which `_` stands for any sign.
fn find(name: &str) -> Option<Found> {
    let constant: String =
        name.chars().map(|character| if character.is_ascii_alphanumeric() { character } else { '_' }).collect();
    CATALOGUE.iter().find(|(known, _)| *known == constant).map(|(_, found)| *found)
}

catalogue! {
    Of8: CRC_8_AUTOSAR CRC_8_BLUETOOTH CRC_8_CDMA2000 CRC_8_DARC CRC_8_DVB_S2 CRC_8_GSM_A CRC_8_GSM_B CRC_8_HITAG
        CRC_8_I_432_1 CRC_8_I_CODE CRC_8_LTE CRC_8_MAXIM_DOW CRC_8_MIFARE_MAD CRC_8_NRSC_5 CRC_8_OPENSAFETY CRC_8_ROHC
        CRC_8_SAE_J1850 CRC_8_SMBUS CRC_8_TECH_3250 CRC_8_WCDMA;
    Of16: CRC_16_ARC CRC_16_CDMA2000 CRC_16_CMS CRC_16_DDS_110 CRC_16_DECT_R CRC_16_DECT_X CRC_16_DNP CRC_16_EN_13757
        CRC_16_GENIBUS CRC_16_GSM CRC_16_IBM_3740 CRC_16_IBM_SDLC CRC_16_ISO_IEC_14443_3_A CRC_16_KERMIT CRC_16_LJ1200
        CRC_16_M17 CRC_16_MAXIM_DOW CRC_16_MCRF4XX CRC_16_MODBUS CRC_16_NRSC_5 CRC_16_OPENSAFETY_A CRC_16_OPENSAFETY_B
        CRC_16_PROFIBUS CRC_16_RIELLO CRC_16_SPI_FUJITSU CRC_16_T10_DIF CRC_16_TELEDISK CRC_16_TMS37157 CRC_16_UMTS
        CRC_16_USB CRC_16_XMODEM;
    Of32: CRC_24_BLE CRC_24_FLEXRAY_A CRC_24_FLEXRAY_B CRC_24_INTERLAKEN CRC_24_LTE_A CRC_24_LTE_B CRC_24_OPENPGP
        CRC_24_OS_9 CRC_32_AIXM CRC_32_AUTOSAR CRC_32_BASE91_D CRC_32_BZIP2 CRC_32_CD_ROM_EDC CRC_32_CKSUM
        CRC_32_ISCSI CRC_32_ISO_HDLC CRC_32_JAMCRC CRC_32_MEF CRC_32_MPEG_2 CRC_32_XFER;
    Of64: CRC_40_GSM CRC_64_ECMA_182 CRC_64_GO_ISO CRC_64_MS CRC_64_NVME CRC_64_REDIS CRC_64_WE CRC_64_XZ;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the catalogue has of "123456789" comes in the order in which it goes over the wire.
    #[test]
    fn sums_are_those_of_the_catalogue() {
        for (name, expected) in [
            ("CRC-8/SMBUS", &[0xf4][..]),
            ("CRC-16/MODBUS", &[0x37, 0x4b]),
            ("CRC-16/XMODEM", &[0x31, 0xc3]),
            ("CRC-24/OPENPGP", &[0x21, 0xcf, 0x02]),
            ("CRC-32/ISO-HDLC", &[0x26, 0x39, 0xf4, 0xcb]),
            ("CRC-64/XZ", &[0xfa, 0x39, 0x19, 0xdf, 0xbb, 0xc9, 0x5d, 0x99]),
        ] {
            assert_eq!(sum(name, b"123456789").as_deref(), Some(expected), "{name}");
        }
        for name in ["", "CRC-16", "CRC-5/USB", "crc-16/modbus"] {
            assert!(!is_known(name), "{name}");
        }
    }
}
